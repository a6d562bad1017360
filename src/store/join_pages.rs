//! How people join each program.

use crate::domain::id::{MerchantId, ProgramId};
use crate::domain::join::{Admission, JoinForm, JoinPage};
use crate::domain::time::Timestamp;
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx};

const PAGE: &str =
    "select admission, form, version from join_pages where merchant_id = $1 and program_id = $2";
const PAGES: &str = "select program_id, admission, form, version from join_pages where merchant_id = $1 \
     order by program_id";
const INSERT: &str = "insert into join_pages (merchant_id, program_id, admission, form, version, changed_at) \
     values ($1, $2, $3, $4, 1, $5) on conflict (merchant_id, program_id) do nothing";
const UPDATE: &str = "update join_pages set admission = $4, form = $5, version = version + 1, changed_at = $6 \
     where merchant_id = $1 and program_id = $2 and version = $3";
pub(crate) const STATEMENTS: &[&str] = &[PAGE, PAGES, INSERT, UPDATE];

/// The page of a program; the one that nobody has set where there is none.
pub async fn page(tx: &mut Tx<'_>, merchant: MerchantId, program: ProgramId) -> Result<JoinPage, Error> {
    let page: Option<JoinPage> = tx.opt(PAGE, &params![merchant, program]).await?;
    Ok(page.unwrap_or_default())
}

/// The pages that a merchant has set, by program.
pub async fn pages(tx: &mut Tx<'_>, merchant: MerchantId) -> Result<Vec<(ProgramId, JoinPage)>, Error> {
    let rows: Vec<OfProgram> = tx.all(PAGES, &params![merchant]).await?;
    Ok(rows
        .into_iter()
        .map(|OfProgram(program, page)| (program, page))
        .collect())
}

/// Sets a page that the caller saw in `page.version`; whether that was still its version.
pub async fn save(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    program: ProgramId,
    page: &JoinPage,
    now: Timestamp,
) -> Result<bool, Error> {
    let (admission, form) = (page.admission.as_str(), page.form.print());
    let written = if page.version == 0 {
        tx.exec(INSERT, &params![merchant, program, admission, form, now])
            .await?
    } else {
        let params = params![merchant, program, page.version, admission, form, now];
        tx.exec(UPDATE, &params).await?
    };
    Ok(written == 1)
}

impl FromRow for JoinPage {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let (admission, form): (String, String) = (row.next()?, row.next()?);
        let Some(admission) = Admission::parse(&admission) else {
            return Err(Error::inconsistent("who may join", admission));
        };
        let form = JoinForm::parse(&form).map_err(|error| Error::inconsistent("a form", error))?;
        Ok(Self {
            admission,
            form,
            version: row.next()?,
        })
    }
}

/// A page with the program whose it is.
struct OfProgram(ProgramId, JoinPage);

impl FromRow for OfProgram {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self(row.next()?, JoinPage::from_row(row)?))
    }
}

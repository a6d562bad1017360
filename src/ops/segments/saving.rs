//! Saving segments, changing and deleting them, and the cards of those that are lists.

use super::{Edit, NewContent, NewSegment, SegmentError, context};
use crate::domain::id::{CardId, MerchantId, SegmentId};
use crate::domain::segment::saved::{self, Content, LONGEST_LIST, Refusal, Segment, Use, Viewer};
use crate::ops::Ops;
use crate::ops::chores::TURN;
use crate::store::{Error, Tx, segments};

/// Cards of a list that one transaction changes.
const PART: usize = 200;

impl Ops {
    /// Saves a segment under a name that no other has.
    pub async fn add_segment(&self, merchant: MerchantId, new: NewSegment) -> Result<Segment, SegmentError> {
        let now = self.clock.now();
        let name = saved::name(&new.name)?;
        let (content, cards) = match new.content {
            NewContent::Rule(rule) => (Content::Rule(rule), Vec::new()),
            NewContent::List(cards) => (Content::List, cards),
        };
        if cards.len() > LONGEST_LIST {
            return Err(Refusal::ListTooLong(cards.len()).into());
        }
        let segment = Segment {
            id: SegmentId(self.ids.next(now)),
            merchant,
            name,
            content,
            owner: new.owner,
            shared: new.shared,
            version: 1,
            created_at: now,
            changed_at: now,
        };
        let copy = segment.clone();
        self.store
            .read("may_add_segment", move |tx| {
                let segment = copy.clone();
                Box::pin(async move {
                    let context = context(tx, merchant, now).await?;
                    if let Some(rule) = segment.rule() {
                        rule.checked_for(&context)?;
                    }
                    free(tx, &segment).await
                })
            })
            .await?;
        self.put_on(merchant, segment.id, &cards).await?;
        let id = segment.id;
        let added = self.store.write("add_segment", move |tx| {
            let segment = segment.clone();
            Box::pin(async move {
                free(tx, &segment).await?;
                segments::insert(tx, &segment).await?;
                Ok(segment)
            })
        });
        self.added(merchant, id, added.await.map_err(taken)).await
    }

    /// What became of a segment whose list was put together before it: no list without one stays.
    async fn added(
        &self,
        merchant: MerchantId,
        id: SegmentId,
        added: Result<Segment, SegmentError>,
    ) -> Result<Segment, SegmentError> {
        if added.is_err() {
            self.clear_list(merchant, id).await?;
        }
        added
    }

    /// Puts cards on a list, part by part, so that no tap waits for a long one. Repeating it does no harm. The list of a new
    /// segment comes before the segment: whatever stops in between, nobody is shown a part of it as all.
    async fn put_on(&self, merchant: MerchantId, id: SegmentId, cards: &[CardId]) -> Result<(), Error> {
        for part in cards.chunks(PART) {
            let part = part.to_vec();
            self.store
                .write("put_on_list", move |tx| {
                    let part = part.clone();
                    Box::pin(async move { segments::put_on(tx, merchant, id, &part).await })
                })
                .await?;
        }
        Ok(())
    }

    /// Changes a segment that is still as the caller saw it.
    pub async fn edit_segment(
        &self,
        merchant: MerchantId,
        viewer: Viewer,
        id: SegmentId,
        seen: i64,
        edit: Edit,
    ) -> Result<Segment, SegmentError> {
        let now = self.clock.now();
        self.store
            .write("edit_segment", move |tx| {
                let edit = edit.clone();
                Box::pin(async move {
                    let mut segment = locked(tx, merchant, viewer, id).await?.at_version(seen)?;
                    if let Some(name) = edit.name {
                        segment.name = saved::name(&name)?;
                    }
                    if let Some(rule) = edit.rule {
                        segment.rule().ok_or(Refusal::NoRule)?;
                        rule.checked_for(&context(tx, merchant, now).await?)?;
                        segment.content = Content::Rule(rule);
                    }
                    segment.shared = edit.shared.unwrap_or(segment.shared);
                    segment.version += 1;
                    segment.changed_at = now;
                    free(tx, &segment).await?;
                    segments::update(tx, &segment).await?;
                    Ok(segment)
                })
            })
            .await
            .map_err(taken)
    }

    /// Makes a private copy of a segment, its list too.
    pub async fn duplicate_segment(
        &self,
        merchant: MerchantId,
        viewer: Viewer,
        id: SegmentId,
        name: &str,
    ) -> Result<Segment, SegmentError> {
        let now = self.clock.now();
        let name = saved::name(name)?;
        let copy = SegmentId(self.ids.next(now));
        let cards = self
            .store
            .read("list_of_segment", move |tx| {
                Box::pin(async move {
                    let found = segments::segment(tx, merchant, id).await?;
                    found.ok_or(Refusal::NotFound)?.seen_by(viewer)?;
                    Ok::<_, SegmentError>(segments::on_list(tx, merchant, id).await?)
                })
            })
            .await?;
        self.put_on(merchant, copy, &cards).await?;
        let added = self
            .store
            .write("duplicate_segment", move |tx| {
                let name = name.clone();
                Box::pin(async move {
                    let original = locked(tx, merchant, viewer, id).await?;
                    let segment = Segment {
                        id: copy,
                        name,
                        owner: match viewer {
                            Viewer::Member(member) => Some(member),
                            Viewer::Operator => None,
                        },
                        shared: false,
                        version: 1,
                        created_at: now,
                        changed_at: now,
                        ..original
                    };
                    free(tx, &segment).await?;
                    segments::insert(tx, &segment).await?;
                    Ok(segment)
                })
            })
            .await
            .map_err(taken);
        self.added(merchant, copy, added).await
    }

    /// What needs a segment and has not happened yet.
    pub async fn segment_uses(
        &self,
        merchant: MerchantId,
        viewer: Viewer,
        id: SegmentId,
    ) -> Result<Vec<Use>, SegmentError> {
        self.store
            .read("segment_uses", move |tx| {
                Box::pin(async move {
                    let found = segments::segment(tx, merchant, id).await?;
                    found.ok_or(Refusal::NotFound)?.seen_by(viewer)?;
                    Ok::<_, SegmentError>(segments::uses(tx, merchant, id).await?)
                })
            })
            .await
    }

    /// Removes a segment that nothing needs; its cards stay. The list goes after it, part by part.
    pub async fn delete_segment(
        &self,
        merchant: MerchantId,
        viewer: Viewer,
        id: SegmentId,
        seen: i64,
    ) -> Result<(), SegmentError> {
        self.store
            .write("delete_segment", move |tx| {
                Box::pin(async move {
                    locked(tx, merchant, viewer, id).await?.at_version(seen)?;
                    saved::may_delete(&segments::uses(tx, merchant, id).await?)?;
                    segments::delete(tx, merchant, id).await?;
                    Ok::<_, SegmentError>(())
                })
            })
            .await?;
        Ok(self.clear_list(merchant, id).await?)
    }

    /// Takes everything off a list, part by part.
    async fn clear_list(&self, merchant: MerchantId, id: SegmentId) -> Result<(), Error> {
        loop {
            let cleared = self
                .store
                .write("clear_list", move |tx| {
                    Box::pin(async move { segments::clear(tx, merchant, id, TURN).await })
                })
                .await?;
            if cleared == 0 {
                return Ok(());
            }
        }
    }

    /// Puts cards on a list or takes them off, part by part; returns how many it holds then.
    pub async fn change_list(
        &self,
        merchant: MerchantId,
        viewer: Viewer,
        id: SegmentId,
        put_on: &[CardId],
        take_off: &[CardId],
    ) -> Result<usize, SegmentError> {
        let now = self.clock.now();
        let add = put_on.len();
        self.store
            .write("change_list", move |tx| {
                Box::pin(async move {
                    let mut segment = locked(tx, merchant, viewer, id).await?;
                    if segment.content != Content::List {
                        return Err(Refusal::NoList.into());
                    }
                    let most = segments::length(tx, merchant, id).await?.saturating_add(add);
                    if most > LONGEST_LIST {
                        return Err(Refusal::ListTooLong(most).into());
                    }
                    segment.version += 1;
                    segment.changed_at = now;
                    segments::update(tx, &segment).await?;
                    Ok::<_, SegmentError>(())
                })
            })
            .await?;
        for part in take_off.chunks(PART) {
            let part = part.to_vec();
            self.store
                .write("take_off_list", move |tx| {
                    let part = part.clone();
                    Box::pin(async move {
                        for card in part {
                            segments::take_off(tx, merchant, id, card).await?;
                        }
                        Ok::<_, Error>(())
                    })
                })
                .await?;
        }
        self.put_on(merchant, id, put_on).await?;
        let length = self.store.read("length_of_list", move |tx| {
            Box::pin(async move { segments::length(tx, merchant, id).await })
        });
        Ok(length.await?)
    }
}

async fn locked(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    viewer: Viewer,
    id: SegmentId,
) -> Result<Segment, SegmentError> {
    let found = segments::for_update(tx, merchant, id).await?;
    Ok(found.ok_or(Refusal::NotFound)?.seen_by(viewer)?)
}

/// A name belongs to one segment, also when the other one is private to somebody else.
async fn free(tx: &mut Tx<'_>, segment: &Segment) -> Result<(), SegmentError> {
    match segments::named(tx, segment.merchant, &segment.name).await? {
        Some(other) if other != segment.id => Err(Refusal::NameTaken(segment.name.clone()).into()),
        _ => Ok(()),
    }
}

/// Two who took the same name at the same moment: the second one hears it as the first look would have said it.
fn taken(error: SegmentError) -> SegmentError {
    match error {
        SegmentError::Store(error) if error.is_unique_violation() => {
            Refusal::NameTaken("the same name, a moment ago".into()).into()
        }
        other => other,
    }
}

//! `passgate counts`: how many cards are in the built-in segments and in the grid of recency and frequency, and what a
//! customer has spent.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};

use crate::cli::open;
use crate::config::Config;
use crate::domain::chips::Chip;
use crate::domain::id::{CustomerId, MerchantId, ProgramId};
use crate::domain::rfm::{Cell, Grid, Limits};
use crate::domain::window::Window;
use crate::ops::Ops;
use crate::ops::counts::{NewGrid, ProgramCounts};

#[derive(Subcommand)]
pub(super) enum Counts {
    /// Show the live counts of a merchant's programs. A running gateway keeps them up as time passes.
    Show(Show),
    /// Show how another grid would divide the cards of a program, and put it in force with --apply.
    Grid(NewGridOf),
    /// List the versions of the rules that a program's counts follow, newest first.
    Versions(OneProgram),
    /// Show what a customer has spent on all of their cards.
    Lifetime(Lifetime),
}

#[derive(Args)]
pub(super) struct Show {
    #[arg(long, short, env = "PASSGATE_CONFIG")]
    config: Option<PathBuf>,
    #[arg(long)]
    merchant: MerchantId,
    /// One program; all of the merchant's when left out.
    #[arg(long)]
    program: Option<ProgramId>,
    /// Print the rule of each segment too.
    #[arg(long)]
    rules: bool,
}

#[derive(Args)]
pub(super) struct OneProgram {
    #[arg(long, short, env = "PASSGATE_CONFIG")]
    config: Option<PathBuf>,
    #[arg(long)]
    merchant: MerchantId,
    #[arg(long)]
    program: ProgramId,
}

#[derive(Args)]
pub(super) struct NewGridOf {
    #[command(flatten)]
    of: OneProgram,
    /// Last day of the first and of the second row, counted from the last visit.
    #[arg(long, value_delimiter = ',', num_args = 1, default_value = "30,60")]
    recency: Vec<i64>,
    /// Most visits of the first and of the second column.
    #[arg(long, value_delimiter = ',', num_args = 1, default_value = "3,7")]
    visits: Vec<i64>,
    /// Five by five, by fifths of the cards that were ever visited with; for programs of 500 cards and more.
    #[arg(long, conflicts_with_all = ["recency", "visits"])]
    fifths: bool,
    /// How many days back visits and money are counted, 1 to 3650; as it is when left out, and 365 at the beginning.
    #[arg(long)]
    window: Option<i64>,
    /// Put it in force, as a new version.
    #[arg(long)]
    apply: bool,
}

#[derive(Args)]
pub(super) struct Lifetime {
    #[arg(long, short, env = "PASSGATE_CONFIG")]
    config: Option<PathBuf>,
    #[arg(long)]
    merchant: MerchantId,
    #[arg(long)]
    customer: CustomerId,
}

impl Counts {
    pub(super) async fn run(self) -> Result<()> {
        match self {
            Self::Show(show) => {
                let ops = open(&Config::load(show.config.as_deref())?).await?;
                print!("{}", shown(&ops, &show).await?);
            }
            Self::Grid(new) => {
                let ops = open(&Config::load(new.of.config.as_deref())?).await?;
                print!("{}", grid(&ops, &new).await?);
            }
            Self::Versions(of) => {
                let ops = open(&Config::load(of.config.as_deref())?).await?;
                for version in ops.count_rules(of.merchant, of.program).await? {
                    let made = version.made_at.map_or_else(
                        || "the beginning".to_owned(),
                        |at| at.to_jiff().strftime("%Y-%m-%d %H:%M UTC").to_string(),
                    );
                    println!(
                        "version {}, since {made}: {}",
                        version.version,
                        version.rules.print()
                    );
                }
            }
            Self::Lifetime(of) => {
                let ops = open(&Config::load(of.config.as_deref())?).await?;
                println!("{}", ops.lifetime(of.merchant, of.customer).await?);
            }
        }
        Ok(())
    }
}

async fn shown(ops: &Ops, show: &Show) -> Result<String> {
    let names: BTreeMap<_, _> = ops
        .programs()
        .await?
        .into_iter()
        .map(|of| (of.program.id, of.program.name))
        .collect();
    let counts = ops.segment_counts(show.merchant, show.program).await?;
    if counts.is_empty() {
        bail!("this merchant has no such program");
    }
    let mut text = String::new();
    for of in &counts {
        let name = names.get(&of.program).map_or("", String::as_str);
        writeln!(text, "program {} ({name})", of.program)?;
        for chip in Chip::EACH {
            writeln!(text, "{:>9}  {}", of.chip(*chip), chip.title())?;
            if show.rules {
                writeln!(text, "           {}", chip.rule())?;
            }
        }
        text.push_str(&grids(of));
        text.push('\n');
    }
    Ok(text)
}

/// The grid in force, and while cards are still counted by an older one, that too.
fn grids(of: &ProgramCounts) -> String {
    let mut text = String::new();
    for (version, grid) in of.grids.iter().rev() {
        let sizes = |cell| of.cell(*version, cell);
        if *version == of.version || grid.cells().any(|cell| sizes(cell) > 0) {
            let window = match *version == of.version {
                true => format!(" of {} days", of.rules.window.days()),
                false => String::new(),
            };
            text.push_str(&format!("  recency and visits{window}, version {version}\n"));
            text.push_str(&table(grid, sizes));
        }
    }
    text
}

async fn grid(ops: &Ops, new: &NewGridOf) -> Result<String> {
    let (merchant, program) = (new.of.merchant, new.of.program);
    let wanted = if new.fifths {
        NewGrid::Fifths
    } else {
        NewGrid::Limits(Limits::new(
            pair(&new.recency).context("--recency")?,
            pair(&new.visits).context("--visits")?,
        )?)
    };
    let window = new.window.map(Window::new).transpose().context("--window")?;
    let preview = ops.preview_grid(merchant, program, wanted, window).await?;
    let mut text = format!("  visits of {} days\n", preview.window.days());
    text += &table(&preview.grid, |cell| {
        preview.cells.get(&cell).copied().unwrap_or(0)
    });
    if new.apply {
        match ops.set_grid(merchant, program, wanted, window).await? {
            Some(version) => writeln!(
                text,
                "This grid is in force as version {version}. A running gateway moves the cards to it."
            )?,
            None => bail!("there is no such program, or this grid is in force already"),
        }
    } else {
        writeln!(text, "Nothing has been changed; add --apply to put it in force.")?;
    }
    Ok(text)
}

fn pair(numbers: &[i64]) -> Result<[i64; 2]> {
    match numbers {
        [first, second] => Ok([*first, *second]),
        other => bail!("expected two numbers such as 30,60; got {}", other.len()),
    }
}

fn table(grid: &Grid, size: impl Fn(Cell) -> i64) -> String {
    let (rows, columns) = headings(grid);
    let mut text = format!("  {:>12}", "");
    for column in &columns {
        text.push_str(&format!("  {column:<26}"));
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    let mut cells = grid.cells().skip(1);
    for row in rows {
        text.push_str(&format!("  {row:>12}"));
        for cell in cells.by_ref().take(columns.len()) {
            text.push_str(&format!(
                "  {:<26}",
                format!("{} {}", size(cell), grid.name(cell))
            ));
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text.push_str(&format!("  {:>12}  {}\n", "no visit yet", size(Cell::NO_VISIT)));
    text
}

fn headings(grid: &Grid) -> (Vec<String>, Vec<String>) {
    match grid {
        Grid::Limits(limits) => {
            let ([first, second], [few, some]) = (limits.recency, limits.visits);
            let rows = [
                format!("0-{first} days"),
                format!("{}-{second} days", first + 1),
                format!("{}+ days", second + 1),
            ];
            let columns = [
                format!("1-{few} visits"),
                format!("{}-{some} visits", few + 1),
                format!("{}+ visits", some + 1),
            ];
            (rows.into(), columns.into())
        }
        Grid::Fifths(_) => {
            let scores = |letter: &str| (1..=5).map(|score| format!("{letter}{score}")).collect();
            (scores("R"), scores("F"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_is_printed_with_its_limits_and_names() {
        let printed = table(&Grid::default(), |cell| cell.0 * 10);
        let lines: Vec<_> = printed.lines().map(str::trim_end).collect();
        assert_eq!(lines.len(), 5);
        assert!(lines[0].contains("1-3 visits") && lines[0].ends_with("8+ visits"));
        assert!(lines[1].contains("0-30 days") && lines[1].contains("10 Beginners"));
        assert!(lines[3].contains("61+ days") && lines[3].ends_with("90 Needs attention"));
        assert_eq!(lines[4].trim(), "no visit yet  0");
        assert_eq!(table(&Grid::Fifths(Default::default()), |_| 1).lines().count(), 7);
    }
}

//! A sheet of codes to print and cut: one HTML page that needs nothing else, with a QR code for each.

use std::io::Write;

use anyhow::Result;
use maud::{DOCTYPE, PreEscaped, html};

use crate::cli::code::for_each_code;
use crate::ops::Ops;
use crate::store::codes::CodeBatch;
use crate::web::console::tools::codes::print;

/// Cards of a quarter of a line, as many lines as a page of paper takes; none is cut in two.
const STYLE: &str = "@page{margin:12mm}body{margin:0;font-family:system-ui,sans-serif;color:#000;background:#fff}\
    h1{font-size:14pt;margin:0 0 4mm}ul{display:grid;grid-template-columns:repeat(4,1fr);gap:0;margin:0;padding:0;\
    list-style:none}li{break-inside:avoid;border:.2mm dashed #999;padding:3mm;text-align:center}\
    svg{width:24mm;height:24mm;shape-rendering:crispEdges}code{display:block;font-size:10pt;margin-top:2mm}";

/// Writes the sheet; returns how many codes are on it.
pub(super) async fn write(
    ops: &Ops,
    public_url: &str,
    batch: &CodeBatch,
    out: &mut impl Write,
) -> Result<usize> {
    let head = html! {
        (DOCTYPE)
        meta charset="utf-8";
        title { (batch.label) }
        style { (PreEscaped(STYLE)) }
        h1 { (batch.label) }
    };
    write!(out, "{}<ul>", head.into_string())?;
    let count = for_each_code(ops, batch, |code| {
        write!(out, "{}", print::slip(public_url, batch, code).into_string())?;
        Ok(())
    });
    let count = count.await?;
    write!(out, "</ul>")?;
    Ok(count)
}

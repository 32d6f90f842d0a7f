//! Names and source lines in DWARF 4: one compile unit, a subprogram per named piece of code, a line table.

use super::super::{Legend, LineRow, word};
use gimli::write::{
    Address, AttributeValue, DwarfUnit, EndianVec, FileId, LineProgram, LineString, Sections,
};
use gimli::{Encoding, Format, LineEncoding, LittleEndian, SectionId};
use std::ops::Range;

/// The debug sections that describe code, each with its name.
pub(super) fn sections(code: &Range<usize>, legend: &Legend) -> Vec<(&'static str, Vec<u8>)> {
    let encoding = Encoding { format: Format::Dwarf32, version: 4, address_size: 8 };
    let mut dwarf = DwarfUnit::new(encoding);
    let title = text(&legend.title);
    let mut lines = LineProgram::new(
        encoding,
        LineEncoding::default(),
        LineString::String(text(&legend.folder)),
        None,
        LineString::String(title.clone()),
        None,
    );
    let folder = lines.default_directory();
    let files: Vec<FileId> = legend
        .files
        .iter()
        .map(|file| lines.add_file(LineString::String(text(file)), folder, None))
        .collect();

    let root = dwarf.unit.root();
    let unit = dwarf.unit.get_mut(root);
    unit.set(gimli::DW_AT_producer, AttributeValue::String(b"Kiln".to_vec()));
    // Debuggers have no name for the IR. Its expressions, and how functions are shown, come closest to C.
    unit.set(gimli::DW_AT_language, AttributeValue::Language(gimli::DW_LANG_C99));
    unit.set(gimli::DW_AT_name, AttributeValue::String(title));
    unit.set(gimli::DW_AT_comp_dir, AttributeValue::String(text(&legend.folder)));
    unit.set(gimli::DW_AT_low_pc, AttributeValue::Address(Address::Constant(code.start as u64)));
    unit.set(gimli::DW_AT_high_pc, AttributeValue::Udata(code.len() as u64));

    for (range, name) in &legend.names {
        let rows = rows_of(legend, range);
        let id = dwarf.unit.add(root, gimli::DW_TAG_subprogram);
        let function = dwarf.unit.get_mut(id);
        function.set(gimli::DW_AT_external, AttributeValue::Flag(true));
        function.set(gimli::DW_AT_name, AttributeValue::String(word(name).into_bytes()));
        function.set(gimli::DW_AT_low_pc, AttributeValue::Address(Address::Constant(range.start as u64)));
        function.set(gimli::DW_AT_high_pc, AttributeValue::Udata(range.len() as u64));
        if let Some(first) = rows.first() {
            let file = files.get(first.file as usize).copied();
            function.set(gimli::DW_AT_decl_file, AttributeValue::FileIndex(file));
            function.set(gimli::DW_AT_decl_line, AttributeValue::Udata(first.line.into()));
            sequence(&mut lines, &files, range, rows);
        }
    }
    dwarf.unit.line_program = lines;

    let mut written = Sections::new(EndianVec::new(LittleEndian));
    let result = dwarf.write(&mut written);
    if let Err(error) = result {
        // Sections in memory take all there is; what is left are references to entries that do not exist.
        panic!("the debug information of an image refers to itself only, but: {error}");
    }
    let mut sections = Vec::new();
    let each = written.for_each_mut(|id: SectionId, section| {
        if !section.slice().is_empty() {
            sections.push((id.name(), section.take()));
        }
        Ok::<(), gimli::write::Error>(())
    });
    debug_assert!(each.is_ok());
    sections
}

/// The rows of a piece of code.
fn rows_of<'a>(legend: &'a Legend, range: &Range<usize>) -> &'a [LineRow] {
    let first = legend.lines.partition_point(|row| row.at < range.start);
    let after = legend.lines.partition_point(|row| row.at < range.end);
    &legend.lines[first..after]
}

/// Writes the rows of one function. Its prologue, which belongs to no line, is shown as its first line.
fn sequence(lines: &mut LineProgram, files: &[FileId], range: &Range<usize>, rows: &[LineRow]) {
    lines.begin_sequence(Some(Address::Constant(range.start as u64)));
    let prologue = rows.first().filter(|first| first.at > range.start);
    for (n, row) in prologue.map(|first| LineRow { at: range.start, ..*first }).iter().chain(rows).enumerate()
    {
        let Some(file) = files.get(row.file as usize) else { continue };
        let out = lines.row();
        out.address_offset = (row.at - range.start) as u64;
        out.file = *file;
        out.line = row.line.into();
        out.column = row.column.into();
        out.prologue_end = n == 1 && prologue.is_some();
        lines.generate_row();
    }
    lines.end_sequence(range.len() as u64);
}

/// A path as a string without an end in between, and not empty: DWARF has no room for either.
fn text(path: &str) -> Vec<u8> {
    match path {
        "" => b".".to_vec(),
        path => path.bytes().map(|byte| if byte == 0 { b'_' } else { byte }).collect(),
    }
}

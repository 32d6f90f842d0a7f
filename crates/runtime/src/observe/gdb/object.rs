//! An ELF file in memory that stands for an image: its code as a section without contents at its true address, a symbol
//! per name, frames and debug information.

use super::super::{Legend, word};
use super::dwarf;
use object::elf;
use object::write::elf::{FileHeader, SectionHeader, Sym, Writer};
use std::ops::Range;

/// Writes the file. Its addresses are final: debuggers have nothing to relocate.
pub(super) fn write(code: Range<usize>, legend: &Legend, frames: &[u8]) -> Vec<u8> {
    let names: Vec<String> = legend.names.iter().map(|(_, name)| word(name)).collect();
    let mut contents = vec![(".eh_frame", frames.to_vec())];
    contents.extend(dwarf::sections(&code, legend));

    // First pass: sizes and places.
    let mut bytes = Vec::new();
    let mut file = Writer::new(object::Endianness::Little, true, &mut bytes);
    file.reserve_file_header();
    file.reserve_null_section_index();
    let text_name = file.add_section_name(b".text");
    let text = file.reserve_section_index();
    let mut placed = Vec::new();
    for (name, content) in &contents {
        let name_id = file.add_section_name(name.as_bytes());
        file.reserve_section_index();
        placed.push((name_id, file.reserve(content.len(), 8)));
    }
    file.reserve_symtab_section_index();
    file.reserve_strtab_section_index();
    file.reserve_shstrtab_section_index();
    file.reserve_null_symbol_index();
    let symbols: Vec<_> = names
        .iter()
        .map(|name| {
            file.reserve_symbol_index(Some(text));
            file.add_string(name.as_bytes())
        })
        .collect();
    file.reserve_symtab();
    file.reserve_strtab();
    file.reserve_shstrtab();
    file.reserve_section_headers();

    // Second pass: the same again, written.
    let header = FileHeader {
        os_abi: elf::ELFOSABI_NONE,
        abi_version: 0,
        e_type: elf::ET_EXEC,
        e_machine: MACHINE,
        e_entry: 0,
        e_flags: 0,
    };
    if let Err(error) = file.write_file_header(&header) {
        panic!("the object file of an image is as large as was reserved, but: {error}");
    }
    for (_, content) in &contents {
        file.write_align(8);
        file.write(content);
    }
    file.write_null_symbol();
    for ((range, _), name) in legend.names.iter().zip(symbols) {
        file.write_symbol(&Sym {
            name: Some(name),
            section: Some(text),
            st_info: elf::STB_GLOBAL << 4 | elf::STT_FUNC,
            st_other: elf::STV_DEFAULT,
            st_shndx: 0, // the section says it
            st_value: range.start as u64,
            st_size: range.len() as u64,
        });
    }
    file.write_strtab();
    file.write_shstrtab();
    file.write_null_section_header();
    file.write_section_header(&SectionHeader {
        name: Some(text_name),
        sh_type: elf::SHT_NOBITS,
        sh_flags: u64::from(elf::SHF_ALLOC | elf::SHF_EXECINSTR),
        sh_addr: code.start as u64,
        sh_offset: 0,
        sh_size: code.len() as u64,
        sh_link: 0,
        sh_info: 0,
        sh_addralign: 16,
        sh_entsize: 0,
    });
    for ((name, offset), (_, content)) in placed.into_iter().zip(&contents) {
        file.write_section_header(&SectionHeader {
            name: Some(name),
            sh_type: elf::SHT_PROGBITS,
            sh_flags: 0,
            sh_addr: 0,
            sh_offset: offset as u64,
            sh_size: content.len() as u64,
            sh_link: 0,
            sh_info: 0,
            sh_addralign: 8,
            sh_entsize: 0,
        });
    }
    // One local symbol: the empty one that each table begins with.
    file.write_symtab_section_header(1);
    file.write_strtab_section_header();
    file.write_shstrtab_section_header();
    bytes
}

#[cfg(target_arch = "x86_64")]
const MACHINE: u16 = elf::EM_X86_64;

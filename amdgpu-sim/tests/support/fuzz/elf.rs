//! A linked code object, written by hand: its parts are where the fuzzer wants them, and no tool is needed.

/// The ELF header's flags for each target (LLVM's *User Guide for AMDGPU Backend*, "ELF header"): the machine, and XNACK and
/// SRAM ECC as they may be.
pub fn flags(target: &str) -> u32 {
    match target {
        "gfx90a" => 0x53f,
        "gfx942" => 0x54c,
        "gfx1030" => 0x36,
        "gfx1100" => 0x41,
        _ => 0x4e,
    }
}

/// A kernel: its descriptor without the entry, and its code.
#[derive(Clone, Debug)]
pub struct Kernel {
    pub descriptor: Descriptor,
    pub code: Vec<u32>,
}

/// The fields of a kernel descriptor.
#[derive(Clone, Copy, Debug)]
pub struct Descriptor {
    pub group_segment: u32,
    pub private_segment: u32,
    pub kernarg: u32,
    /// Added to the right distance to the code.
    pub entry: i64,
    pub rsrc3: u32,
    pub rsrc1: u32,
    pub rsrc2: u32,
    pub properties: u16,
    pub preload: u16,
}

impl Default for Descriptor {
    /// Some LDS, some scratch, the kernarg segment in the first two user registers, all ids.
    fn default() -> Self {
        Self {
            group_segment: 1024,
            private_segment: 256,
            kernarg: 64,
            entry: 0,
            rsrc3: 0,
            rsrc1: 0xf0 << 12,
            rsrc2: 1 | 2 << 1 | 7 << 7 | 2 << 11,
            properties: 1 << 3,
            preload: 0,
        }
    }
}

/// Address in the file of the first descriptor.
pub const DESCRIPTORS: usize = 0x8000;
const SECTION_HEADER: usize = 64;
const SYMBOL: usize = 24;

fn put(file: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    if file.len() < at + bytes.len() {
        file.resize(at + bytes.len(), 0);
    }
    file[at..at + bytes.len()].copy_from_slice(bytes);
}

/// A little-endian record of fields with their sizes in bytes.
fn record(fields: &[(u64, usize)]) -> Vec<u8> {
    fields.iter().flat_map(|(value, size)| value.to_le_bytes()[..*size].to_vec()).collect()
}

/// A code object with kernels `k0`, `k1`, ... Addresses are offsets in the file.
pub fn code_object(target: &str, kernels: &[Kernel]) -> Vec<u8> {
    let mut file = Vec::new();
    let text = (DESCRIPTORS + 64 * kernels.len() + 16).next_multiple_of(0x1000);
    let (mut names, mut symbols) = (vec![0_u8], vec![0_u8; SYMBOL]);
    let mut symbol = |name: String, kind: u64, section: u64, at: usize, size: usize| {
        let fields =
            [(names.len() as u64, 4), (0x10 | kind, 1), (3, 1), (section, 2), (at as u64, 8), (size as u64, 8)];
        symbols.extend(record(&fields));
        names.extend(name.as_bytes());
        names.push(0);
    };
    let mut at = text;
    for (n, kernel) in kernels.iter().enumerate() {
        let (place, d) = (DESCRIPTORS + 64 * n, kernel.descriptor);
        let entry = d.entry.wrapping_add(at as i64 - place as i64) as u64;
        let fields = [
            (u64::from(d.group_segment), 4),
            (u64::from(d.private_segment), 4),
            (u64::from(d.kernarg), 4),
            (0, 4),
            (entry, 8),
            (0, 20),
            (u64::from(d.rsrc3), 4),
            (u64::from(d.rsrc1), 4),
            (u64::from(d.rsrc2), 4),
            (u64::from(d.properties), 2),
            (u64::from(d.preload), 2),
            (0, 4),
        ];
        let fields: Vec<_> = fields.into_iter().flat_map(|(value, size)| split(value, size)).collect();
        put(&mut file, place, &record(&fields));
        let code: Vec<u8> = kernel.code.iter().flat_map(|word| word.to_le_bytes()).collect();
        put(&mut file, at, &code);
        symbol(format!("k{n}.kd"), 1, 3, place, 64);
        symbol(format!("k{n}"), 2, 4, at, code.len());
        at += code.len().next_multiple_of(64);
    }
    let end = at.max(text + 4);
    let pointer = DESCRIPTORS + 64 * kernels.len();
    let relocation = record(&[(pointer as u64, 8), (13, 8), (text as u64, 8)]);
    let (dynsym, dynstr) = (0x400, 0x400 + symbols.len());
    let rela = (dynstr + names.len()).next_multiple_of(8);
    let section_names = b"\0.dynsym\0.dynstr\0.rodata\0.text\0.rela.dyn\0.shstrtab\0";
    put(&mut file, dynsym, &symbols);
    put(&mut file, dynstr, &names);
    put(&mut file, rela, &relocation);
    assert!(rela + 24 <= DESCRIPTORS, "there is no room for so many symbols");
    let strings = end.next_multiple_of(8);
    put(&mut file, strings, section_names);
    let headers = (strings + section_names.len()).next_multiple_of(8);
    // name, type, flags, address, offset, size, link, info, alignment, size of an entry
    let sections: [[usize; 10]; 7] = [
        [0; 10],
        [1, 11, 2, dynsym, dynsym, symbols.len(), 2, 1, 8, SYMBOL],
        [9, 3, 2, dynstr, dynstr, names.len(), 0, 0, 1, 0],
        [17, 1, 2, DESCRIPTORS, DESCRIPTORS, pointer + 8 - DESCRIPTORS, 0, 0, 64, 0],
        [25, 1, 6, text, text, end - text, 0, 0, 256, 0],
        [31, 4, 2, rela, rela, 24, 1, 0, 8, 24],
        [41, 3, 0, 0, strings, section_names.len(), 0, 0, 1, 0],
    ];
    for (n, section) in sections.iter().enumerate() {
        let fields: Vec<_> =
            section.iter().zip([4, 4, 8, 8, 8, 8, 4, 4, 8, 8]).map(|(v, size)| (*v as u64, size)).collect();
        put(&mut file, headers + n * SECTION_HEADER, &record(&fields));
    }
    let ident = [0x7f, b'E', b'L', b'F', 2, 1, 1, 64, 3, 0, 0, 0, 0, 0, 0, 0];
    put(&mut file, 0, &ident);
    let header = record(&[
        (3, 2),
        (224, 2),
        (1, 4),
        (0, 8),
        (64, 8),
        (headers as u64, 8),
        (u64::from(flags(target)), 4),
        (64, 2),
        (56, 2),
        (2, 2),
        (SECTION_HEADER as u64, 2),
        (sections.len() as u64, 2),
        (6, 2),
    ]);
    put(&mut file, 16, &header);
    for (n, (flags, from, to)) in [(4, 0, text), (5, text, end)].into_iter().enumerate() {
        let (from, size) = (from as u64, (to - from) as u64);
        let fields = [(1, 4), (flags, 4), (from, 8), (from, 8), (from, 8), (size, 8), (size, 8), (0x1000, 8)];
        put(&mut file, 64 + 56 * n, &record(&fields));
    }
    file
}

/// A field as fields of at most eight bytes.
fn split(value: u64, size: usize) -> Vec<(u64, usize)> {
    if size <= 8 { vec![(value, size)] } else { [vec![(value, 8)], split(0, size - 8)].concat() }
}

//! Where the encodings of each generation have their opcodes: the chapter "Microcode formats" of AMD's guides.

use super::target::Generation;

/// One encoding.
pub struct Encoding {
    /// Its name in the guides.
    pub name: &'static str,
    /// The bits of the first word that tell it from others.
    pub word: u32,
    /// Lowest bit of its opcode in the first word.
    pub low: u32,
    /// Width of its opcode in bits.
    pub width: u32,
    /// Operand bits that make an instruction of most opcodes. What follows an instruction is not looked at.
    pub fills: &'static [[u32; 3]],
}

const fn encoding(name: &'static str, word: u32, low: u32, width: u32, fills: &'static [[u32; 3]]) -> Encoding {
    Encoding { name, word, low, width, fills }
}

/// v0 as first source; s0; SDWA with whole words; DPP with quads as they are, and with a lane of the row for all; DPP of
/// eight lanes as they are.
const VOP: &[[u32; 3]] = &[
    [0x100, 0, 0],
    [0, 0, 0],
    [0xf9, 0x0606_0600, 0],
    [0xfa, 0xff00_e400, 0],
    [0xfa, 0xff01_5000, 0],
    [0xe9, 0xfac6_8800, 0],
];
/// The same; comparisons have their scalar destination where others have the selection for the vector one.
const VOPC: &[[u32; 3]] =
    &[[0x100, 0, 0], [0xf9, 0x0606_0000, 0], [0xfa, 0xff00_e400, 0], [0xfa, 0xff01_5000, 0], [0xe9, 0xfac6_8800, 0]];
/// Vector registers; one, two, three sources; scalar ones; high halves; DPP.
const VOP3: &[[u32; 3]] = &[
    [0, 0x0402_0100, 0],
    [0, 0x0002_0100, 0],
    [0, 0x0000_0100, 0],
    [0, 0x0000_0000, 0],
    [0x4000, 0x1c02_0100, 0],
    [0, 0x0402_00fa, 0xff00_e400],
    [0, 0x0002_00fa, 0xff00_e400],
    [0, 0x0000_00fa, 0xff00_e400],
    [0, 0x0402_00fa, 0xff01_5000],
    [0, 0x0402_00e9, 0xfac6_8800],
    [0, 0x0002_00e9, 0xfac6_8800],
    [0, 0x0000_00e9, 0xfac6_8800],
    [0x4000, 0x1c02_00fa, 0xff00_e400],
    [0x4000, 0x1c02_00e9, 0xfac6_8800],
];
const SCALAR: &[[u32; 3]] = &[[0, 0, 0]];
/// s0, -1.
const SOP1: &[[u32; 3]] = &[[0, 0, 0], [0xc1, 0, 0]];
/// Zero; all of the MODE register.
const SOPK: &[[u32; 3]] = &[[0, 0, 0], [0xf801, 0, 0]];
/// Zero, one; -1, the barrier of the work-group.
const SOPP: &[[u32; 3]] = &[[0, 0, 0], [1, 0, 0], [0xffff, 0, 0]];
const SMEM_GFX9: &[[u32; 3]] = &[[1 << 17, 0, 0], [0, 0, 0]];
const SMEM_GFX10: &[[u32; 3]] = &[[0, 0x7d << 25, 0]];
const SMEM_GFX11: &[[u32; 3]] = &[[0, 0x7c << 25, 0]];
const DS: &[[u32; 3]] = &[[0, 0, 0], [1 << 16, 0, 0]];
const DS_GFX10: &[[u32; 3]] = &[[0, 0, 0], [1 << 17, 0, 0]];
const FLAT_GFX9: &[[u32; 3]] = &[[0, 0, 0], [1 << 14, 0x7f << 16, 0], [2 << 14, 0x7f << 16, 0]];
const FLAT_GFX10: &[[u32; 3]] = &[[0, 0x7d << 16, 0], [1 << 14, 0x7d << 16, 0], [2 << 14, 0x7d << 16, 0]];
const FLAT_GFX11: &[[u32; 3]] = &[[0, 0x7c << 16, 0], [1 << 16, 0x7c << 16, 0], [2 << 16, 0x7c << 16, 0]];
const FLAT_GFX12: &[[u32; 3]] = &[[0x7c, 0, 0], [1 << 24 | 0x7c, 0, 0], [2 << 24 | 0x7c, 0, 0]];
const MUBUF: &[[u32; 3]] = &[[0, 0x80 << 24, 0]];
const VBUFFER: &[[u32; 3]] = &[[0x7c, 1 << 23, 0]];
const MTBUF: &[[u32; 3]] = &[[1 << 19, 0x80 << 24, 0], [1 << 19 | 1 << 23, 0x80 << 24, 0]];
const IMAGE: &[[u32; 3]] = &[[0xf00, 0, 0], [1 << 22, 0, 0]];
/// Destinations of unlike parity, sources of unlike banks.
const VOPD: &[[u32; 3]] = &[[0x100, 0x101 | 1 << 9, 0]];

static GFX9: &[Encoding] = &[
    encoding("VOP2", 0, 25, 6, VOP),
    encoding("VOP1", 0x7e00_0000, 9, 8, VOP),
    encoding("VOPC", 0x7c00_0000, 17, 8, VOPC),
    encoding("VOP3P", 0xd380_0000, 16, 7, VOP3),
    encoding("VOP3", 0xd000_0000, 16, 10, VOP3),
    encoding("SOP1", 0xbe80_0000, 8, 8, SOP1),
    encoding("SOPC", 0xbf00_0000, 16, 7, SCALAR),
    encoding("SOPP", 0xbf80_0000, 16, 7, SOPP),
    encoding("SOPK", 0xb000_0000, 23, 5, SOPK),
    encoding("SOP2", 0x8000_0000, 23, 7, SCALAR),
    encoding("SMEM", 0xc000_0000, 18, 8, SMEM_GFX9),
    encoding("DS", 0xd800_0000, 17, 8, DS),
    encoding("FLAT", 0xdc00_0000, 18, 7, FLAT_GFX9),
    encoding("MUBUF", 0xe000_0000, 18, 7, MUBUF),
    encoding("MTBUF", 0xe800_0000, 15, 4, MTBUF),
    encoding("MIMG", 0xf000_0000, 18, 7, IMAGE),
    encoding("EXP", 0xc400_000f, 4, 1, SCALAR),
    encoding("VINTRP", 0xd400_0000, 16, 2, SCALAR),
];

static GFX10: &[Encoding] = &[
    encoding("VOP2", 0, 25, 6, VOP),
    encoding("VOP1", 0x7e00_0000, 9, 8, VOP),
    encoding("VOPC", 0x7c00_0000, 17, 8, VOPC),
    encoding("VOP3P", 0xcc00_0000, 16, 7, VOP3),
    encoding("VOP3", 0xd400_0000, 16, 10, VOP3),
    encoding("SOP1", 0xbe80_0000, 8, 8, SOP1),
    encoding("SOPC", 0xbf00_0000, 16, 7, SCALAR),
    encoding("SOPP", 0xbf80_0000, 16, 7, SOPP),
    encoding("SOPK", 0xb000_0000, 23, 5, SOPK),
    encoding("SOP2", 0x8000_0000, 23, 7, SCALAR),
    encoding("SMEM", 0xf400_0000, 18, 8, SMEM_GFX10),
    encoding("DS", 0xd800_0000, 18, 8, DS_GFX10),
    encoding("FLAT", 0xdc00_0000, 18, 7, FLAT_GFX10),
    encoding("MUBUF", 0xe000_0000, 18, 8, MUBUF),
    encoding("MTBUF", 0xe800_0000, 16, 3, MTBUF),
    encoding("MIMG", 0xf000_0000, 18, 7, IMAGE),
    encoding("EXP", 0xf800_000f, 4, 1, SCALAR),
    encoding("VINTRP", 0xc800_0000, 16, 2, SCALAR),
];

static GFX11: &[Encoding] = &[
    encoding("VOP2", 0, 25, 6, VOP),
    encoding("VOP1", 0x7e00_0000, 9, 8, VOP),
    encoding("VOPC", 0x7c00_0000, 17, 8, VOPC),
    encoding("VOP3P", 0xcc00_0000, 16, 7, VOP3),
    encoding("VOP3", 0xd400_0000, 16, 10, VOP3),
    encoding("VOPD", 0xc800_0000, 17, 9, VOPD),
    encoding("SOP1", 0xbe80_0000, 8, 8, SOP1),
    encoding("SOPC", 0xbf00_0000, 16, 7, SCALAR),
    encoding("SOPP", 0xbf80_0000, 16, 7, SOPP),
    encoding("SOPK", 0xb000_0000, 23, 5, SOPK),
    encoding("SOP2", 0x8000_0000, 23, 7, SCALAR),
    encoding("SMEM", 0xf400_0000, 18, 8, SMEM_GFX11),
    encoding("DS", 0xd800_0000, 18, 8, DS_GFX10),
    encoding("FLAT", 0xdc00_0000, 18, 8, FLAT_GFX11),
    encoding("MUBUF", 0xe000_0000, 18, 8, MUBUF),
    encoding("MTBUF", 0xe800_0000, 15, 4, MTBUF),
    encoding("MIMG", 0xf000_0000, 18, 8, IMAGE),
    encoding("EXP", 0xf800_000f, 4, 1, SCALAR),
    encoding("LDSDIR", 0xce00_0000, 20, 2, SCALAR),
    encoding("VINTERP", 0xcd00_0000, 16, 7, VOP3),
];

static GFX12: &[Encoding] = &[
    encoding("VOP2", 0, 25, 6, VOP),
    encoding("VOP1", 0x7e00_0000, 9, 8, VOP),
    encoding("VOPC", 0x7c00_0000, 17, 8, VOPC),
    encoding("VOP3P", 0xcc00_0000, 16, 7, VOP3),
    encoding("VOP3", 0xd400_0000, 16, 10, VOP3),
    encoding("VOPD", 0xc800_0000, 17, 9, VOPD),
    encoding("SOP1", 0xbe80_0000, 8, 8, SOP1),
    encoding("SOPC", 0xbf00_0000, 16, 7, SCALAR),
    encoding("SOPP", 0xbf80_0000, 16, 7, SOPP),
    encoding("SOPK", 0xb000_0000, 23, 5, SOPK),
    encoding("SOP2", 0x8000_0000, 23, 7, SCALAR),
    encoding("SMEM", 0xf400_0000, 13, 6, SMEM_GFX11),
    encoding("VDS", 0xd800_0000, 18, 8, SCALAR),
    encoding("VFLAT", 0xec00_0000, 14, 8, FLAT_GFX12),
    encoding("VBUFFER", 0xc400_0000, 14, 8, VBUFFER),
    encoding("VIMAGE", 0xd000_0000, 14, 8, IMAGE),
    encoding("VSAMPLE", 0xe400_0000, 14, 8, IMAGE),
    encoding("EXP", 0xf800_000f, 4, 1, SCALAR),
    encoding("VDSDIR", 0xce00_0000, 20, 2, SCALAR),
    encoding("VINTERP", 0xcd00_0000, 16, 7, VOP3),
];

/// The encodings of a generation.
pub fn encodings(generation: Generation) -> &'static [Encoding] {
    match generation {
        Generation::Gfx9 => GFX9,
        Generation::Gfx10 => GFX10,
        Generation::Gfx11 => GFX11,
        Generation::Gfx12 => GFX12,
    }
}

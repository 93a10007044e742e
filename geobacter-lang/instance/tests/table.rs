//! Tables of kernels: 200 in one, by name, and what is refused.

use std::hint::black_box;

use geobacter_instance::{CONST_IDS, DuplicateKernel, KernelEntry, KernelTable, instance_of};

macro_rules! kernels {
    ($($name:ident)*) => {
        $(unsafe extern "C-unwind" fn $name(_kernarg: *const u8) {
            // No two kernels have the same code: see `InstanceId`.
            black_box(stringify!($name));
        })*

        const NAMES: [&str; 200] = [$(stringify!($name)),*];

        macro_rules! entries {
            () => {
                [$(KernelEntry { name: stringify!($name), id: instance_of!($name), entry: $name, descriptor: &() }),*]
            };
        }
    };
}

// In no order, so that the table has something to do.
kernels! {
    k013 k090 k167 k044 k121 k198 k075 k152 k029 k106 k183 k060 k137 k014 k091 k168 k045 k122 k199 k076
    k153 k030 k107 k184 k061 k138 k015 k092 k169 k046 k123 k000 k077 k154 k031 k108 k185 k062 k139 k016
    k093 k170 k047 k124 k001 k078 k155 k032 k109 k186 k063 k140 k017 k094 k171 k048 k125 k002 k079 k156
    k033 k110 k187 k064 k141 k018 k095 k172 k049 k126 k003 k080 k157 k034 k111 k188 k065 k142 k019 k096
    k173 k050 k127 k004 k081 k158 k035 k112 k189 k066 k143 k020 k097 k174 k051 k128 k005 k082 k159 k036
    k113 k190 k067 k144 k021 k098 k175 k052 k129 k006 k083 k160 k037 k114 k191 k068 k145 k022 k099 k176
    k053 k130 k007 k084 k161 k038 k115 k192 k069 k146 k023 k100 k177 k054 k131 k008 k085 k162 k039 k116
    k193 k070 k147 k024 k101 k178 k055 k132 k009 k086 k163 k040 k117 k194 k071 k148 k025 k102 k179 k056
    k133 k010 k087 k164 k041 k118 k195 k072 k149 k026 k103 k180 k057 k134 k011 k088 k165 k042 k119 k196
    k073 k150 k027 k104 k181 k058 k135 k012 k089 k166 k043 k120 k197 k074 k151 k028 k105 k182 k059 k136
}

fn check(table: &KernelTable<200>) {
    assert_eq!(table.len(), 200);
    assert!(table.iter().map(|entry| entry.name).eq((0..200).map(|i| format!("k{i:03}"))));
    for name in NAMES {
        let entry = table.get(name).expect("it is in the table");
        assert_eq!(entry.name, name);
        assert!(entry.id.symbol().contains(name), "{entry:?}");
    }
    for missing in ["", "k", "k200", "k0000", "\u{10ffff}"] {
        assert!(table.get(missing).is_none(), "{missing}");
    }
}

#[test]
fn two_hundred_kernels_are_found_by_name() {
    check(&KernelTable::new(entries!()));
}

geobacter_instance::with_const_ids! {
    static KERNELS: KernelTable<200> = KernelTable::new(entries!());

    #[test]
    fn two_hundred_kernels_are_a_static() {
        check(&KERNELS);
    }
}

fn entry(name: &'static str, of: fn() -> KernelEntry) -> KernelEntry {
    KernelEntry { name, ..of() }
}

fn first() -> KernelEntry {
    KernelEntry { name: "first", id: instance_of!(k000), entry: k000, descriptor: &() }
}

fn second() -> KernelEntry {
    KernelEntry { name: "second", id: instance_of!(k001), entry: k001, descriptor: &() }
}

#[test]
fn a_name_is_for_one_kernel_and_a_kernel_is_there_once() {
    let same_name = KernelTable::try_new([
        entry("scale", first),
        entry("add", second),
        entry("scale", || KernelEntry { id: instance_of!(k002), ..first() }),
    ]);
    let same_name = same_name.expect_err("a duplicate");
    assert_eq!(same_name, DuplicateKernel::Name("scale"));
    assert_eq!(same_name.to_string(), "two kernels of the table have the name `scale`");
    let twice = KernelTable::try_new([entry("scale", first), second(), entry("grow", first)]).err();
    assert_eq!(twice, CONST_IDS.then(|| DuplicateKernel::Instance(first().id)));
    if let Some(twice) = twice {
        assert!(twice.to_string().contains("k000"), "{twice}");
    }
    let fine = KernelTable::try_new([entry("b", first), entry("a", second)]).expect("no duplicate");
    assert_eq!(fine.iter().map(|entry| entry.name).collect::<Vec<_>>(), ["a", "b"]);
    assert!(KernelTable::<0>::new([]).is_empty());
}

#[test]
#[should_panic(expected = "two kernels of the table have the name `scale`")]
fn a_table_with_two_kernels_of_one_name_is_not_made() {
    KernelTable::new([entry("scale", first), entry("scale", second)]);
}

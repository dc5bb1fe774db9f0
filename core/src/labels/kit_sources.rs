//! The kits that the ministry publishes: what each is called here, and where its tree has it.

/// A kit, by the name that rules know its tables by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KitSource {
    /// `sih`; kits of years that no rule is of have a name of their own.
    pub kit: &'static str,
    /// As it is cited.
    pub title: &'static str,
    /// Folders of the tree that may have it.
    pub folders: &'static [&'static str],
    /// The zip's name, in any case.
    pub file: &'static str,
}

const SIH: &[&str] = &["SIHSUS/200801_/Auxiliar", "SIHSUS/199201_200712/Auxiliar"];
const SIA: &[&str] = &["SIASUS/200801_/Auxiliar", "SIASUS/199407_200712/Auxiliar"];

const fn of(kit: &'static str, folders: &'static [&'static str], file: &'static str) -> KitSource {
    KitSource { kit, title: file, folders, file }
}

/// All of them.
pub const KITS: &[KitSource] = &[
    of("sim", &["SIM/CID10/TAB"], "OBITOS_CID10_TAB.zip"),
    of("sim_cid9", &["SIM/CID9/TAB"], "OBITOS_CID9_TAB.zip"),
    of("sinasc", &["SINASC/1996_/Auxiliar"], "Arq_Para_Tabulacao_A_Partir_1996.zip"),
    of("sinasc_1994", &["SINASC/1994_1995/Auxiliar"], "Arq_Para_Tabulacao_Ate_1995.zip"),
    of("sih", SIH, "TAB_SIH.zip"),
    of("sih_1992", SIH, "TAB_SIH_199201-199712.zip"),
    of("sih_1998", SIH, "TAB_SIH_199801-200307.zip"),
    of("sih_2003", SIH, "TAB_SIH_200308-200712.zip"),
    of("sia", SIA, "TAB_SIA.zip"),
    of("sia_1994", SIA, "TAB_SIA_199407-199910.zip"),
    of("sia_1999", SIA, "TAB_SIA_199911-200307.zip"),
    of("sia_2003", SIA, "TAB_SIA_200308-200712.zip"),
    of("cnes", &["CNES/200508_/Auxiliar"], "TAB_CNES.zip"),
    of("ciha", &["CIHA/201101_/Auxiliar"], "TAB_CIHA.zip"),
    of("cih", &["CIH/200801_201012/Auxiliar"], "TAB_CIH.zip"),
    of("sinannet", &["SINAN/AUXILIAR"], "TAB_SINANNET.zip"),
    of("sinan", &["SINAN/AUXILIAR"], "TAB_SINANONLINE.zip"),
    of("resp", &["RESP/AUXILIAR"], "tabresp.zip"),
    of("pce", &["PCE/Auxiliar"], "tab_pce.zip"),
    of("pop", &["IBGE/Auxiliar"], "TAB_POP.zip"),
];

impl KitSource {
    /// The kit of a zip or folder of this name, in any case.
    pub fn named(name: &str) -> Option<&'static KitSource> {
        let stem =
            |name: &str| name.to_lowercase().strip_suffix(".zip").map(str::to_owned).unwrap_or(name.to_lowercase());
        KITS.iter().find(|kit| stem(kit.file) == stem(name))
    }

    /// As it is cited, without the file's ending.
    pub fn stem(&self) -> &str {
        self.title.rsplit_once('.').map_or(self.title, |(stem, _)| stem)
    }
}

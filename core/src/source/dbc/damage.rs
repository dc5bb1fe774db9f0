//! DS-460, with the file, the byte and the cause.

use crate::base::{Code, Error, Text, text};

/// Why a file cannot be read; the `cause` of the diagnostic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    Empty,
    Gzip,
    Zip,
    /// A zip whose list of members is cut or contradicts itself.
    BadZip,
    Html,
    FtpText,
    NotDbc,
    BadHeader,
    Truncated,
    BadCrc,
    BadLiteralFlag,
    BadDictionary,
    BadCode,
    CopyBeforeStart,
    TooLong,
    TooShort,
    /// Not damage: a field of a type that is not read.
    UnreadType,
    /// Not damage: another format under the same name.
    Dbase7,
}

impl Cause {
    fn key(self) -> &'static str {
        match self {
            Cause::Empty => "empty",
            Cause::Gzip => "gzip",
            Cause::Zip => "zip",
            Cause::BadZip => "bad_zip",
            Cause::Html => "html",
            Cause::FtpText => "ftp_text",
            Cause::NotDbc => "not_dbc",
            Cause::BadHeader => "bad_header",
            Cause::Truncated => "truncated",
            Cause::BadCrc => "bad_crc",
            Cause::BadLiteralFlag => "bad_literal_flag",
            Cause::BadDictionary => "bad_dictionary",
            Cause::BadCode => "bad_code",
            Cause::CopyBeforeStart => "copy_before_start",
            Cause::TooLong => "too_long",
            Cause::TooShort => "too_short",
            Cause::UnreadType => "unread_type",
            Cause::Dbase7 => "dbase7",
        }
    }

    fn sentence(self) -> Text {
        match self {
            Cause::Empty => text!("o arquivo está vazio", "the file is empty"),
            Cause::Gzip => text!("é um arquivo gzip", "it is a gzip file"),
            Cause::Zip => text!("é um arquivo zip", "it is a zip file"),
            Cause::BadZip => text!("o zip está incompleto ou inválido", "the zip is incomplete or invalid"),
            Cause::Html => text!("é uma página HTML salva como DBC", "it is an HTML page saved as DBC"),
            Cause::FtpText => {
                text!("é uma mensagem do servidor FTP salva como DBC", "it is a message of the FTP server saved as DBC")
            }
            Cause::NotDbc => text!("não é DBC nem DBF", "it is neither DBC nor DBF"),
            Cause::BadHeader => text!("o cabeçalho DBF é inválido", "the DBF header is invalid"),
            Cause::Truncated => text!("o arquivo termina antes do fim", "the file ends too early"),
            Cause::BadCrc => text!("o CRC-32 não confere com o conteúdo", "the CRC-32 does not match the content"),
            Cause::BadLiteralFlag => text!("o modo de literais é inválido", "the literal mode is invalid"),
            Cause::BadDictionary => text!("o tamanho do dicionário é inválido", "the dictionary size is invalid"),
            Cause::BadCode => {
                text!("há um código inválido na compressão", "there is an invalid code in the compression")
            }
            Cause::CopyBeforeStart => text!("uma cópia começa antes do início", "a copy begins before the start"),
            Cause::TooLong => {
                text!("há mais dados do que o cabeçalho declara", "there is more data than the header declares")
            }
            Cause::TooShort => {
                text!("há menos dados do que o cabeçalho declara", "there is less data than the header declares")
            }
            Cause::UnreadType => text!("há um campo que não é lido", "there is a field that is not read"),
            Cause::Dbase7 => text!("é uma tabela dBASE 7", "it is a dBASE 7 table"),
        }
    }

    /// What to do about it. A new download helps against damage on the way alone: what was packed, or never was a table, or
    /// contradicts itself from its first bytes on would come again as it is.
    fn advice(self) -> Text {
        match self {
            Cause::Gzip | Cause::Zip => text!("Descompacte-o antes", "Decompress it first"),
            Cause::NotDbc => text!(
                "Confira se este é mesmo um arquivo de dados do DATASUS",
                "See whether this really is a data file of DATASUS"
            ),
            Cause::BadHeader => text!(
                "Se ele veio assim da origem, peça a quem o gerou que o grave de novo como DBF",
                "If it came like this from its origin, ask whoever made it to write it again as DBF"
            ),
            Cause::UnreadType => text!(
                "Peça as outras colunas pelo nome em `columns` de read_dbc, ou regrave a tabela sem esse campo",
                "Ask for the other columns by name in `columns` of read_dbc, or write the table again without that field"
            ),
            Cause::Dbase7 => text!(
                "Regrave-a como dBASE III, ou como tabela do Visual FoxPro",
                "Write it again as dBASE III, or as a Visual FoxPro table"
            ),
            _ => text!("Baixe-o de novo, em modo binário", "Download it again, in binary mode"),
        }
    }

    /// The error for `file`, found at its byte `offset`.
    pub(super) fn at(self, file: &str, offset: u64) -> Error {
        self.said(file, offset, &self.sentence())
    }

    /// The same, with what exactly is wrong.
    pub(super) fn explained(self, file: &str, offset: u64, why: &Text) -> Error {
        let Text { pt, en } = self.sentence();
        let (more_pt, more_en) = (&why.pt, &why.en);
        self.said(file, offset, &text!("{pt}: {more_pt}", "{en}: {more_en}"))
    }

    fn said(self, file: &str, offset: u64, what: &Text) -> Error {
        let (Text { pt, en }, Text { pt: do_pt, en: do_en }) = (what, self.advice());
        let said = match self {
            // Nothing is broken here.
            Cause::Gzip | Cause::Zip | Cause::NotDbc | Cause::UnreadType | Cause::Dbase7 => text!(
                "{file} não pode ser lido: {pt} (byte {offset}). {do_pt}",
                "{file} cannot be read: {en} (byte {offset}). {do_en}"
            ),
            _ => text!(
                "{file} está danificado: {pt} (byte {offset}). {do_pt}",
                "{file} is damaged: {en} (byte {offset}). {do_en}"
            ),
        };
        Error::new(Code::DamagedFile, said).with("cause", self.key()).file(file).offset(offset).stage("decode")
    }
}

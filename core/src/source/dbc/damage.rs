//! DS-460, with the file, the byte and the cause.

use crate::base::{Code, Error, Text, text};

/// Why a file cannot be read; the `cause` of the diagnostic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    Empty,
    Gzip,
    Zip,
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
}

impl Cause {
    fn key(self) -> &'static str {
        match self {
            Cause::Empty => "empty",
            Cause::Gzip => "gzip",
            Cause::Zip => "zip",
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
        }
    }

    fn sentence(self) -> Text {
        match self {
            Cause::Empty => text!("o arquivo está vazio", "the file is empty"),
            Cause::Gzip => text!("é um arquivo gzip; descompacte-o antes", "it is a gzip file; decompress it first"),
            Cause::Zip => text!("é um arquivo zip; descompacte-o antes", "it is a zip file; decompress it first"),
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
        }
    }

    /// The error for `file`, found at its byte `offset`.
    pub(super) fn at(self, file: &str, offset: u64) -> Error {
        let Text { pt, en } = self.sentence();
        Error::new(
            Code::DamagedFile,
            text!(
                "{file} está danificado: {pt} (byte {offset}). Baixe-o de novo, em modo binário",
                "{file} is damaged: {en} (byte {offset}). Download it again, in binary mode"
            ),
        )
        .with("cause", self.key())
        .file(file)
        .offset(offset)
        .stage("decode")
    }
}

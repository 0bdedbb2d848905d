use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use tempfile::TempDir;

/// A certificate authority, and a server's and a client's certificate that it signed.
///
/// PEM files in a folder that goes away with the value. The server is `localhost` and `127.0.0.1`.
#[derive(Debug)]
pub struct Certs {
    folder: TempDir,
}

impl Certs {
    /// Makes new keys and certificates.
    #[must_use]
    pub fn generate() -> Self {
        let folder = tempfile::tempdir().expect("a folder for certificates");
        let authority = authority(folder.path());
        let client = ExtendedKeyUsagePurpose::ClientAuth;
        let server = ExtendedKeyUsagePurpose::ServerAuth;
        sign(folder.path(), "server", server, &authority);
        sign(folder.path(), "client", client, &authority);
        Self { folder }
    }

    /// The authority's certificate.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// The server's certificate.
    #[must_use]
    pub fn server_cert(&self) -> PathBuf {
        self.folder.path().join("server.pem")
    }

    /// The server's private key.
    #[must_use]
    pub fn server_key(&self) -> PathBuf {
        self.folder.path().join("server.key")
    }

    /// The client's certificate.
    #[must_use]
    pub fn client_cert(&self) -> PathBuf {
        self.folder.path().join("client.pem")
    }

    /// The client's private key.
    #[must_use]
    pub fn client_key(&self) -> PathBuf {
        self.folder.path().join("client.key")
    }
}

fn authority(folder: &Path) -> Issuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "test authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate().expect("a key");
    let certificate = params
        .self_signed(&key)
        .expect("the authority's certificate");
    write(&folder.join("ca.pem"), &certificate.pem());
    Issuer::new(params, key)
}

fn sign(
    folder: &Path,
    name: &str,
    usage: ExtendedKeyUsagePurpose,
    authority: &Issuer<'_, KeyPair>,
) {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let mut params = CertificateParams::new(names).expect("valid names");
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![usage];
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate().expect("a key");
    let certificate = params
        .signed_by(&key, authority)
        .expect("a signed certificate");
    write(&folder.join(format!("{name}.pem")), &certificate.pem());
    write(&folder.join(format!("{name}.key")), &key.serialize_pem());
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).expect("a file in a new folder");
}

//! The account at a CA: its key in the folder, created when missing.

use instant_acme::{Account, AccountCredentials, ExternalAccountKey, NewAccount};

use super::{Error, Folder, Http};
use crate::jws::from_base64url;

/// The name and secret of an EAB key.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Its name.
    pub kid: String,
    /// Its secret, in base64url.
    pub secret: String,
}

/// The CA, and the account to use there.
#[derive(Debug, Clone)]
pub struct Login {
    /// The URL of the CA's directory.
    pub server: String,
    /// `mailto:` URLs.
    pub contact: Vec<String>,
    /// For CAs that require external account binding.
    pub eab: Option<Credentials>,
}

/// An account that can be used.
pub struct Session {
    pub(crate) account: Account,
}

impl Session {
    /// Opens the account of this server in the folder; creates one when there is none yet.
    ///
    /// # Errors
    /// What the folder, the way to the CA or the CA has to say.
    pub async fn open(login: &Login, folder: &Folder, http: &Http) -> Result<Self, Error> {
        let builder = Account::builder_with_http(Box::new(http.clone()));
        if let Some(kept) = folder.account(&login.server)? {
            let credentials: AccountCredentials = serde_json::from_str(&kept)
                .map_err(|e| Error::at(folder.account_file(&login.server).display(), e))?;
            return Ok(Self { account: builder.from_credentials(credentials).await? });
        }
        let contact: Vec<&str> = login.contact.iter().map(String::as_str).collect();
        let wanted = NewAccount {
            contact: &contact,
            terms_of_service_agreed: true,
            only_return_existing: false,
        };
        let eab = match &login.eab {
            Some(eab) => {
                let secret = from_base64url(eab.secret.trim_end_matches('='))
                    .ok_or_else(|| Error::new("the EAB secret is not base64url"))?;
                Some(ExternalAccountKey::new(eab.kid.clone(), &secret))
            }
            None => None,
        };
        let (account, credentials) =
            builder.create(&wanted, login.server.clone(), eab.as_ref()).await?;
        let text = serde_json::to_string(&credentials).map_err(|e| Error::new(e.to_string()))?;
        folder.keep_account(&login.server, &text)?;
        Ok(Self { account })
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> &str {
        self.account.id()
    }

    /// Takes another key, which is kept.
    ///
    /// # Errors
    /// What the CA or the folder has to say.
    pub async fn change_key(&mut self, server: &str, folder: &Folder) -> Result<(), Error> {
        let credentials = self.account.update_key().await?;
        let text = serde_json::to_string(&credentials).map_err(|e| Error::new(e.to_string()))?;
        folder.keep_account(server, &text)
    }

    /// Ends the account, and forgets its key.
    ///
    /// # Errors
    /// What the CA or the folder has to say.
    pub async fn deactivate(self, server: &str, folder: &Folder) -> Result<(), Error> {
        self.account.deactivate().await?;
        folder.forget_account(server)
    }
}

//! Columns that hold what others must not see, told by name and type.
//!
//! The names are those that nobody gives to public content: `author` and `user_id` are none.

use crate::catalog::table::{Column, Table};
use crate::catalog::types::TypeRef;

/// Whole names. A `wallet_address` is published as a rule, an `address` seldom is.
const NAMES: &[&str] = &["address", "mobile"];

/// Whole names of what opens a door.
const KEYS: &[&str] = &["token", "jwt", "otp"];

/// Whole names, or their ends word by word: `email` also means `billing_email`.
#[rustfmt::skip]
const ENDS: &[&str] = &[
    // What reaches or identifies a person.
    "email", "emails", "email_address", "phone", "phones", "phone_number", "mobile_number", "telephone",
    "whatsapp_number", "home_address", "street_address", "postal_address", "billing_address",
    "shipping_address", "ip_address", "mac_address", "date_of_birth", "birth_date", "birthdate", "dob",
    "ssn", "social_security", "social_security_number", "driver_license", "drivers_license",
    "license_number", "passport_number", "passport_id", "national_id", "tax_id", "insurance_number",
    "health_insurance", "medical_insurance", "health_record", "medical_record", "medical_history",
    "patient_id", "diagnosis", "salary",
    // What belongs to a device, a product or a certificate, and keys that are half public.
    "push_token", "device_token", "fcm_token", "auth_key", "ssh_key", "pgp_key", "gpg_key", "license_key",
    "activation_key", "verification_code",
    // Money.
    "credit_card", "card_number", "cvv", "cvc", "cvn", "iban", "bank_account", "account_number",
    "routing_number", "payment_method_id", "stripe_customer_id", "customer_stripe_id",
];

/// The same, of what opens a door.
#[rustfmt::skip]
const DOORS: &[&str] = &[
    "password", "passwords", "passwd", "pwd", "passphrase", "password_hash", "hashed_password",
    "password_digest", "secret", "secrets", "secret_key", "client_secret", "private_key", "api_key",
    "api_keys", "apikey", "service_role_key", "access_token", "refresh_token", "oauth_token", "auth_token",
    "api_token", "session_token", "bearer_token", "reset_token", "invite_token", "invitation_token",
    "verification_token", "confirmation_token", "token_hash", "auth_code", "session_key", "session_secret",
    "totp", "recovery_code", "recovery_codes", "backup_code", "backup_codes",
];

/// Types that hold a fact about a secret and never the secret. `bytea` is what blockchains are
/// indexed with.
const HARMLESS: &[&str] = &["bool", "timestamp", "timestamptz", "interval", "bytea"];

/// Whole names that say so less surely: they are looked for where nothing protects a table.
#[rustfmt::skip]
const RARER: &[&str] = &[
    "session_id", "swift_code", "bic", "treatment", "macaddr", "imei", "device_uuid", "certificate",
    "facial_recognition", "2fa_code", "two_factor",
];

/// What tables of such places are called.
#[rustfmt::skip]
const PLACES: &[&str] = &[
    "venue", "restaurant", "cafe", "bar", "shop", "store", "branch", "clinic", "hospital", "pharmacy", "hotel",
    "school", "gym", "museum", "market",
];

/// What stands beside the address of a wallet or a contract.
const WALLETS: &[&str] = &["chain", "chain_id", "network", "network_id", "ens", "ens_name", "decimals"];

impl Table {
    /// Whether its name says that it holds what others must not see: `cron_secrets`.
    pub fn is_sensitive(&self) -> bool {
        is_sensitive(&self.name.name)
    }

    /// The columns whose names say that they hold a secret, or what identifies or reaches a person.
    /// Keys of other tables are none: `tax_id` in a link table leads to a tax.
    pub fn sensitive_columns(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.is_sensitive() && !self.is_public_id(column))
    }

    /// Whether a column is for few: one of those, or one of the platform's tables about users that is more
    /// than an id or a time.
    pub fn is_private(&self, column: &Column) -> bool {
        let is_of_users = self.name.schema == "auth" && !matches!(column.name.as_str(), "id" | "created_at");
        is_of_users || self.sensitive_columns().any(|one| one.attnum == column.attnum)
    }

    /// The same, and those that are so less surely.
    pub fn possibly_sensitive_columns(&self) -> impl Iterator<Item = &Column> {
        let named = |column: &Column| {
            column.is_sensitive() || !column.is_harmless() && RARER.contains(&words(&column.name).as_str())
        };
        self.columns.iter().filter(move |column| named(column) && !self.is_public_id(column))
    }

    fn is_public_id(&self, column: &Column) -> bool {
        self.refers(column) || column.name == "address" && (self.is_of_wallets(column) || self.is_of_places())
    }

    /// Whether its rows are places that are open to the public: their addresses are for everybody.
    fn is_of_places(&self) -> bool {
        let words = words(&self.name.name);
        let name = words.trim_end_matches("_profiles").trim_end_matches("_details");
        let last = name.rsplit('_').next().unwrap_or(name);
        PLACES.iter().any(|place| last.strip_prefix(place).is_some_and(|end| ["", "s", "es"].contains(&end)))
    }

    /// Whether an address is that of a wallet or a contract: it identifies the row, or stands beside its chain.
    fn is_of_wallets(&self, address: &Column) -> bool {
        let named = |name: &str| WALLETS.contains(&words(name).as_str());
        let identifies = |key: &[i16]| key.contains(&address.attnum);
        self.primary_key().is_some_and(identifies) || self.columns.iter().any(|column| named(&column.name))
    }

    fn refers(&self, column: &Column) -> bool {
        let is_id = column.data_type.value.is_builtin("uuid") && column.name.ends_with("_id");
        is_id || self.foreign_keys().any(|(_, key)| key.columns.contains(&column.attnum))
    }
}

impl Column {
    fn is_harmless(&self) -> bool {
        matches!(&self.data_type.value.base,
            TypeRef::Builtin(name) if HARMLESS.contains(&name.as_str()))
    }

    /// Whether its name says that it holds a secret, or what identifies or reaches a person.
    pub fn is_sensitive(&self) -> bool {
        !self.is_harmless() && is_sensitive(&self.name)
    }

    /// Whether its name says that whoever has its value is let in somewhere: `api_key`, `invite_token`.
    pub fn opens_a_door(&self) -> bool {
        !self.is_harmless() && is_called(&self.name, KEYS, DOORS)
    }
}

fn is_sensitive(name: &str) -> bool {
    is_called(name, NAMES, ENDS) || is_called(name, KEYS, DOORS)
}

/// Whether a name is one of these, or ends as one of those.
fn is_called(name: &str, whole: &[&str], ends: &[&str]) -> bool {
    let words = words(name);
    let is_end =
        |name: &&str| words.strip_suffix(*name).is_some_and(|rest| rest.is_empty() || rest.ends_with('_'));
    whole.contains(&words.as_str()) || ends.iter().any(is_end)
}

/// A name in snake case: `billingEmail` and `billing-email` are `billing_email`.
pub fn words(name: &str) -> String {
    let mut words = String::new();
    let mut after_small = false;
    for letter in name.chars() {
        if letter.is_uppercase() && after_small {
            words.push('_');
        }
        after_small = letter.is_lowercase() || letter.is_ascii_digit();
        words.extend(if letter == '-' || letter == ' ' {
            vec!['_']
        } else {
            letter.to_lowercase().collect()
        });
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::name::QName;
    use crate::catalog::origin::Origin;
    use crate::catalog::types::DataType;
    use crate::testing::Bench;

    fn sensitive(name: &str, data_type: &str) -> bool {
        Column::new(name.into(), DataType::builtin(data_type), Origin::Platform).is_sensitive()
    }

    #[test]
    fn names_are_read_word_by_word() {
        for name in [
            "email",
            "billing_email",
            "billingEmail",
            "Phone-Number",
            "access_token",
            "two_factor_secret",
            "address",
        ] {
            assert!(sensitive(name, "text"), "{name}");
        }
        for name in [
            "user_id",
            "owner",
            "email_template",
            "tokens",
            "token_count",
            "gmail",
            "wallet_address",
            "next_page_token",
        ] {
            assert!(!sensitive(name, "text"), "{name}");
        }
        assert!(!sensitive("token", "bytea"));
        assert!(!sensitive("password", "bool"));
        assert!(!sensitive("verified_email", "timestamptz"));
    }

    #[test]
    fn keys_of_other_tables_are_none() {
        let bench = Bench::new(
            "create table taxes (id uuid primary key, tax_id text, session_id text);
             create table nations (id bigint primary key);
             create table item_taxes (item bigint, tax_id uuid, national_id bigint references nations,
               passport_id bigint);
             create table homes (id bigint primary key, address text);
             create table venue_profiles (address text, owner_email text);
             create table branches (address text);
             create table store_customers (address text);
             create table wallets (address text primary key, name text);
             create table nonces (id bigint primary key, address text, \"chainId\" int);
             create table coins (id bigint primary key, address text, decimals int, payment_method text);",
        );
        let named = |name: &str, rarer: bool| -> Vec<String> {
            let table = bench.catalog.table(&QName::new("public", name)).expect("it is made");
            let names = |columns: &mut dyn Iterator<Item = &Column>| {
                columns.map(|column| column.name.to_string()).collect()
            };
            match rarer {
                true => names(&mut table.possibly_sensitive_columns()),
                false => names(&mut table.sensitive_columns()),
            }
        };
        assert_eq!(named("taxes", false), ["tax_id"]);
        assert_eq!(named("taxes", true), ["tax_id", "session_id"]);
        assert_eq!(named("item_taxes", true), ["passport_id"]);
        assert_eq!(named("homes", false), ["address"]);
        assert_eq!(named("store_customers", false), ["address"]);
        assert_eq!(named("venue_profiles", false), ["owner_email"]);
        assert!(named("branches", false).is_empty());
        assert!(named("wallets", false).is_empty() && named("nonces", false).is_empty());
        assert!(named("coins", false).is_empty(), "how somebody pays is a kind");
    }
}

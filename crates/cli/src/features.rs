//! Which processor features compiled code may use, as the command line says it.

use kiln::Features;

/// The option that `run` and `dump` share.
#[derive(clap::Args)]
#[group(skip)]
pub struct Arguments {
    /// Compile with these processor features more (+NAME) or less (-NAME) than this processor has
    #[arg(long, value_name = "LIST", allow_hyphen_values = true, value_parser = changed)]
    features: Option<Features>,
}

impl Arguments {
    /// What is asked for.
    pub fn features(&self) -> Features {
        self.features.unwrap_or_else(kiln::host_features)
    }
}

/// This processor's features with the changes that a list such as `-bmi2,-lzcnt` makes.
fn changed(list: &str) -> Result<Features, String> {
    let mut features = kiln::host_features();
    for change in list.split(',').filter(|change| !change.is_empty()) {
        let (name, on) = match (change.strip_prefix('+'), change.strip_prefix('-')) {
            (Some(name), _) => (name, true),
            (_, Some(name)) => (name, false),
            _ => return Err(format!("write `+{change}` or `-{change}`")),
        };
        match features.named(name) {
            Some(feature) => *feature = on,
            None => {
                return Err(format!(
                    "no feature is called `{name}`; there are {}",
                    Features::NAMES.join(", ")
                ));
            }
        }
    }
    Ok(features)
}

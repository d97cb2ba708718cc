use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use crate::canary::{Key, Zone};
use crate::collector::{Collector, ZoneSetting};
use crate::model::RunId;
use crate::store::{Store, StoreError};

use super::conduct::Setting;
use super::given::Values;

/// What a run with a collector of its own needs to be taken up again by another process: kept in its store until it is
/// over, apart from the evidence.
#[derive(Serialize, Deserialize)]
pub(super) struct Kept {
    key: String,
    pub(super) listen: Vec<SocketAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    zone: Option<KeptZone>,
    #[serde(default)]
    values: BTreeMap<String, Values>,
}

#[derive(Serialize, Deserialize)]
struct KeptZone {
    name: String,
    listen: Vec<SocketAddr>,
    addresses: Vec<IpAddr>,
}

impl Kept {
    /// Of a run that begins: where its collector truly listens, with the ports that it was given.
    pub(super) fn of(setting: &Setting, key: &Key, collector: &Collector) -> Self {
        let zone = setting.zone.as_ref().map(|zone| KeptZone {
            name: zone.zone.to_string(),
            listen: collector.dns_addresses().to_vec(),
            addresses: zone.addresses.clone(),
        });
        let values = setting.variants.iter();
        Self {
            key: HEXLOWER.encode(key.bytes()),
            listen: collector.addresses().to_vec(),
            zone,
            values: values
                .map(|(variant, values)| (variant.name.clone(), values.clone()))
                .collect(),
        }
    }

    /// What a store keeps of a run; none where it is over, or was never begun with a collector of its own.
    pub(super) fn read(store: &Store, run: RunId) -> Result<Option<Self>, StoreError> {
        let kept = store.begun_with(run)?;
        let unreadable = |error: serde_json::Error| StoreError::Write(error.to_string());
        kept.map(|text| serde_json::from_str(&text).map_err(unreadable))
            .transpose()
    }

    pub(super) fn write(&self, store: &Store, run: RunId) -> Result<(), StoreError> {
        let text = serde_json::to_string(self);
        let text = text.map_err(|error| StoreError::Write(error.to_string()))?;
        store.begin(run, Some(&text))
    }

    pub(super) fn key(&self) -> Option<Key> {
        let bytes = HEXLOWER.decode(self.key.as_bytes()).ok()?;
        bytes.try_into().ok().map(Key::new)
    }

    pub(super) fn zone(&self) -> Option<ZoneSetting> {
        let kept = self.zone.as_ref()?;
        Some(ZoneSetting {
            zone: Zone::parse(&kept.name)?,
            listen: kept.listen.clone(),
            addresses: kept.addresses.clone(),
        })
    }
}

/// The values that the variables of a run's variants had, where they are kept.
///
/// # Errors
/// The store cannot be read.
pub fn kept_values(store: &Store, run: RunId) -> Result<BTreeMap<String, Values>, StoreError> {
    let kept = Kept::read(store, run)?;
    Ok(kept.map(|kept| kept.values).unwrap_or_default())
}

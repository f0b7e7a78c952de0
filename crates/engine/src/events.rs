//! Events on their way to whoever renders them.

use std::fmt;
use std::sync::Arc;

use underpin_core::event::Event;

/// Where events go. Cheap to clone; a renderer must not block.
#[derive(Clone)]
pub struct Events(Arc<dyn Fn(Event) + Send + Sync>);

impl Events {
    /// Events to a function.
    pub fn to(receive: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Self(Arc::new(receive))
    }

    /// Events to nobody.
    pub fn nowhere() -> Self {
        Self::to(drop)
    }

    /// Tells that something happened.
    pub fn send(&self, event: Event) {
        (self.0)(event);
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Events")
    }
}

//! What is called while Limen is killed: the products and their limits, the subscriptions to them, and the service
//! behind, which counts what reaches it.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use limen_testbed::{Limen, Reply, Service, Settings};

use crate::dice::Dice;
use crate::tally::Tally;

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_limen");

/// So many calls in any window of so long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    pub(crate) calls: usize,
    pub(crate) window: Duration,
}

/// A product's limits, as [`CONFIG`] declares them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Product {
    pub(crate) name: &'static str,
    pub(crate) rate: Option<Rate>,
    /// Calls a day.
    pub(crate) quota: Option<u64>,
}

const fn rate(calls: usize, window_s: u64) -> Option<Rate> {
    Some(Rate { calls, window: Duration::from_secs(window_s) })
}

/// More calls than a run makes: its leases are as large as the calls of the last minute.
pub(crate) const AMPLE: Product = Product { name: "ample", rate: None, quota: Some(400_000) };
/// So many that leases are a 64th of what remains, and that a quick machine uses them up.
pub(crate) const LARGE: Product = Product { name: "large", rate: None, quota: Some(5_000) };
/// So few that they are used up in a run.
pub(crate) const SCARCE: Product = Product { name: "scarce", rate: None, quota: Some(400) };
pub(crate) const BRISK: Product = Product { name: "brisk", rate: rate(50, 2), quota: None };
pub(crate) const BOTH: Product = Product { name: "both", rate: rate(30, 1), quota: Some(3_000) };
/// A window that outlasts the run.
pub(crate) const STEADY: Product = Product { name: "steady", rate: rate(5, 300), quota: None };
pub(crate) const FREE: Product = Product { name: "free", rate: None, quota: None };

/// Periods are counted from the subscription's start, so that no run meets a midnight.
const CONFIG: &str = r#"
apis:
  - {name: plain, base_path: /plain, target: "{service}", access: key}
  - {name: tokened, base_path: /tokened, target: "{service}", access: key+token, bind: none}
products:
  - {name: ample, apis: [plain], quota: {calls: 400_000, period_s: 86_400}}
  - {name: large, apis: [plain], quota: {calls: 5_000, period_s: 86_400}}
  - {name: scarce, apis: [plain], quota: {calls: 400, period_s: 86_400}}
  - {name: brisk, apis: [plain], rate: {calls: 50, window_s: 2}}
  - {name: both, apis: [plain], rate: {calls: 30, window_s: 1}, quota: {calls: 3_000, period_s: 86_400}}
  - {name: steady, apis: [plain], rate: {calls: 5, window_s: 300}}
  - {name: free, apis: [plain, tokened]}
developers: [{name: ada}]
environments: [{name: demo}]
users: [{name: rea, memberships: [{environment: demo}]}]
"#;

/// A subscription that is called; its place in [`World::subjects`] is its number at the service.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(crate) number: usize,
    pub(crate) id: String,
    pub(crate) key: String,
    pub(crate) secondary: String,
    pub(crate) product: Product,
}

/// Everything that outlives the killed processes.
pub(crate) struct World {
    /// Kept alive: what it counts is in the tally.
    _service: Service,
    pub(crate) tally: Arc<Tally>,
    pub(crate) subjects: Vec<Subject>,
    pub(crate) gateway: String,
    pub(crate) web: String,
}

impl World {
    /// Starts Limen and the service, and subscribes to these products, one subscription for each.
    pub(crate) fn start(dice: &mut Dice, products: &[Product]) -> (Self, Limen) {
        let tally = Arc::new(Tally::new(products.len()));
        let counting = Arc::clone(&tally);
        let service = Service::start(move |seen| {
            counting.arrived(&seen.target);
            Reply::json(200, &serde_json::json!({"ok": true}))
        });
        service.record(false);
        let (gateway, web) = (free_place(dice), free_place(dice));
        let settings = Settings::new(BINARY).argument("--no-sample").gateway(&gateway).web(&web);
        let limen = Limen::start(settings.ready_within(READY_WITHIN));
        limen.apply(&CONFIG.replace("{service}", &service.url()));
        let subjects = products.iter().enumerate().map(|(number, product)| {
            let made = limen.json(&["subscription", "create", "--product", product.name, "--developer", "ada"]);
            let text = |name: &str| made[name].as_str().expect("a text").to_owned();
            let (key, secondary) = (text("primary_key"), text("secondary_key"));
            Subject { number, id: text("id"), key, secondary, product: *product }
        });
        let subjects = subjects.collect();
        (Self { _service: service, tally, subjects, gateway, web }, limen)
    }
}

/// Ready within a second is promised of a machine that has nothing else to do; this one is full of callers and other
/// tests. So the times are printed, and only a start that doesn't come to its end fails.
pub(crate) const READY_WITHIN: Duration = Duration::from_secs(10);

/// A place to listen below the ports that the system gives out: nobody else's connection may take it while Limen is
/// down, not even a caller's own, which could then meet itself.
fn free_place(dice: &mut Dice) -> String {
    let free = (0..1_000).map(|_| format!("127.0.0.1:{}", dice.between(18_000, 32_000)));
    free.into_iter().find(|place| TcpListener::bind(place).is_ok()).expect("a free port")
}

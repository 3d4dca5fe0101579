//! temporary
use std::hint::black_box;
use tollgate_wire::outcome::*; use tollgate_wire::*; use tollgate_wire::request;
fn cpu()->u64{ let s=std::fs::read_to_string("/proc/self/schedstat").unwrap(); s.split(' ').next().unwrap().parse().unwrap() }
fn bench(name:&str, n:u64, mut f: impl FnMut()) { let mut best=u64::MAX; for _ in 0..7 { let t=cpu(); for _ in 0..n {f();} best=best.min((cpu()-t)/n);} println!("{name}: {best} ns"); }
fn main(){
 let req=br#"{"id":"01JD3Y7QZK8M4T2V6W9X0A1B2C","account":"acme","sender":"106540352242922","to":"+5511987654321","campaign":"black-friday-2026","purpose":"utility","content":[{"template":{"name":"order_shipped","language":["pt_BR","en_US"],"components":{"body":["Ana","42"]}}},{"text":"Oi Ana, seu pedido 42 saiu."}],"expires_at":"2026-11-27T21:00:00-03:00","metadata":{"crm":"881-2"}}"#;
 println!("request {} bytes", req.len());
 bench("utf8",200_000,||{ black_box(std::str::from_utf8(black_box(req)).unwrap()); });
 bench("ignored",200_000,||{ black_box(serde_json::from_str::<serde::de::IgnoredAny>(std::str::from_utf8(black_box(req)).unwrap()).unwrap()); });
 bench("value",200_000,||{ black_box(serde_json::from_str::<serde_json::Value>(std::str::from_utf8(black_box(req)).unwrap()).unwrap()); });
 bench("malloc+free 64",200_000,||{ black_box(Vec::<u8>::with_capacity(black_box(64))); });
 bench("request parse",200_000,||{ black_box(request::parse(black_box(req)).unwrap()); });
 bench("from_slice",200_000,||{ black_box(serde_json::from_slice::<request::Request>(black_box(req)).unwrap()); });
 bench("from_str",200_000,||{ black_box(serde_json::from_str::<request::Request>(std::str::from_utf8(black_box(req)).unwrap()).unwrap()); });
 bench("time parse",200_000,||{ black_box(serde_json::from_str::<Time>(black_box("\"2026-11-27T21:00:00-03:00\"")).unwrap()); });
 bench("time parse z",200_000,||{ black_box(serde_json::from_str::<Time>(black_box("\"2026-11-27T21:00:00.000Z\"")).unwrap()); });
 let o=Outcome{id:"01JD3Y7QZK8M4T2V6W9X0A1B2C".into(),message_uid:70368744177665,attempt:1,account:"acme".into(),campaign:Some("black-friday-2026".into()),sender:Some("106540352242922".into()),to:"+5511987654321".into(),at:Time(1795000000999),outcome:OutcomeKind::Admitted,reason:None,detail:None,gates:Some(Gates{passed:11,stopped:None,window_until:None,quota_used:Some(812),quota_ceiling:Some(2000),quota_use:Some("token".into())}),retry_at:None,wamid:None,content:Some(Chosen{alternative:0,template:Some("order_shipped".into()),language:Some("pt_BR".into()),category:tollgate_rate_card::Category::Utility}),estimate:Some(Amount{amount:rust_decimal::Decimal::new(68,4),currency:"USD".into()}),charge:None,metadata:None};
 let mut buf=Vec::with_capacity(1024); serde_json::to_writer(&mut buf,&o).unwrap(); println!("outcome {} bytes: {}",buf.len(), String::from_utf8_lossy(&buf));
 bench("outcome write",200_000,||{ buf.clear(); serde_json::to_writer(&mut buf,black_box(&o)).unwrap(); black_box(&buf); });
 let ev=br#"{"account":"acme","events":[{"event":"status","sender":"106540352242922","wamid":"wamid.HBgLMTY1MDU1NTEyMzQVAgARGBI=","to":"+16505551234","status":"delivered","at_s":1750030075,"callback":{"message_uid":70368744177665,"attempt":1},"pricing":{"model":"PMP","category":"utility","pricing_type":"regular"}}]}"#;
 println!("events {} bytes",ev.len());
 bench("event parse",200_000,||{ black_box(event::parse(black_box(ev)).unwrap()); });
 let wh=include_bytes!("../tests/fixtures/webhook/delivered_with_our_callback.json"); let v:serde_json::Value=serde_json::from_slice(wh).unwrap(); let c=v.to_string(); println!("webhook {} bytes",c.len());
 bench("webhook parse",100_000,||{ black_box(webhook::parse(black_box(c.as_bytes())).unwrap()); });
}

//! A collector of OpenTelemetry's on loopback: keeps what it is sent, and answers as it is told.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use datasus::telemetry::Collector;
use serde_json::Value;

#[derive(Default)]
struct State {
    heads: Vec<String>,
    bodies: Vec<String>,
    /// Answers that come before 200.
    answers: VecDeque<u16>,
}

pub struct Received {
    address: String,
    state: Arc<Mutex<State>>,
}

impl Received {
    pub fn begin() -> Self {
        Received::answering([])
    }

    pub fn answering(answers: impl IntoIterator<Item = u16>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State { answers: answers.into_iter().collect(), ..State::default() }));
        let kept = state.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let kept = kept.clone();
                std::thread::spawn(move || serve(connection, &kept));
            }
        });
        Received { address, state }
    }

    pub fn collector(&self) -> Collector {
        Collector::at(&self.address).unwrap()
    }

    pub fn bodies(&self) -> Vec<String> {
        self.state.lock().unwrap().bodies.clone()
    }

    #[allow(dead_code, reason = "not every binary looks at them")]
    pub fn heads(&self) -> Vec<String> {
        self.state.lock().unwrap().heads.clone()
    }

    /// Of all requests.
    #[allow(dead_code, reason = "not every binary looks at them")]
    pub fn spans(&self) -> Vec<Value> {
        self.bodies().iter().flat_map(|body| spans_of(body)).collect()
    }
}

/// Of one request.
#[allow(dead_code, reason = "not every binary looks at them")]
pub fn spans_of(body: &str) -> Vec<Value> {
    let body: Value = serde_json::from_str(body).unwrap();
    let of = |from: &Value, key: &str| from[key].as_array().cloned().unwrap_or_default();
    let scopes = of(&body, "resourceSpans").into_iter().flat_map(|one| of(&one, "scopeSpans"));
    scopes.flat_map(|one| of(&one, "spans")).collect()
}

fn serve(mut connection: TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(connection.try_clone().unwrap());
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        reader.read_exact(&mut body).unwrap();
        let status = {
            let mut state = state.lock().unwrap();
            state.heads.push(head);
            state.bodies.push(String::from_utf8(body).unwrap());
            state.answers.pop_front().unwrap_or(200)
        };
        let answer = format!("HTTP/1.1 {status} -\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}");
        if connection.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

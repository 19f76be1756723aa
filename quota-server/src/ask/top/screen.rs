use std::io;
use std::pin::pin;
use std::time::Duration;

use crossterm::event::{Event, EventStream, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use futures_util::StreamExt;
use quota_api::Overview;

use super::draw::draw;
use super::sort::Sort;
use super::view::{Key, View};
use crate::ask::call::AskedServer;
use crate::lifecycle::{Asked, Signals};

/// How far a page key goes.
const PAGE: isize = 10;

/// Gives the terminal back as it was, however this ends; of a panic ratatui's hook takes care.
struct Taken;

impl Drop for Taken {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

/// Shows the view and what becomes of it, until a key or a signal says to end.
pub(super) async fn show(server: &AskedServer, mut view: View, every: Duration) -> io::Result<()> {
    let mut signals = Signals::listen()?;
    let mut terminal = ratatui::try_init()?;
    let _taken = Taken;
    let mut events = EventStream::new();
    let mut look = pin!(look(server, every));
    loop {
        terminal.draw(|frame| draw(frame, &view))?;
        tokio::select! {
            answer = &mut look => {
                view.take(answer);
                look.set(self::look(server, every));
            }
            event = events.next() => {
                // None: the terminal has gone.
                let Some(event) = event else { return Ok(()) };
                if key(&event?).is_some_and(|key| !view.press(key)) {
                    return Ok(());
                }
            }
            Asked::Stop | Asked::Reload = signals.next() => return Ok(()),
        }
    }
}

/// What there is to see after a while; keys and signals do not wait for it.
async fn look(server: &AskedServer, after: Duration) -> Result<Overview, String> {
    tokio::time::sleep(after).await;
    server.overview().await.map_err(|refusal| refusal.to_string())
}

fn key(event: &Event) -> Option<Key> {
    let Event::Key(KeyEvent { code, modifiers, kind: KeyEventKind::Press, .. }) = event else {
        return None;
    };
    Some(match code {
        KeyCode::Char('c') if modifiers.contains(KeyModifiers::CONTROL) => Key::Quit,
        KeyCode::Char('q') | KeyCode::Esc => Key::Quit,
        KeyCode::Char('j') | KeyCode::Down => Key::Scroll(1),
        KeyCode::Char('k') | KeyCode::Up => Key::Scroll(-1),
        KeyCode::Char(' ') | KeyCode::PageDown => Key::Scroll(PAGE),
        KeyCode::PageUp => Key::Scroll(-PAGE),
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::Char(other) => Key::Sort(Sort::of(*other)?),
        _ => return None,
    })
}

//! A cable between two processes that can be cut, or left hanging, and mended.

use std::{io, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::watch,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{HarnessError, ports};

const CHUNK_BYTES: usize = 16 * 1024;

/// How a cable is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// All passes.
    Whole,
    /// Nothing passes, and nobody is told: a network that loses packets.
    Silent,
    /// Connections are closed, and new ones as soon as they are made.
    Cut,
}

/// A cable to one address, which carries TCP connections until it is dropped.
#[derive(Debug)]
pub struct Cable {
    address: SocketAddr,
    state: watch::Sender<State>,
    stop: CancellationToken,
}

impl Cable {
    /// Lays a cable to this address.
    ///
    /// # Errors
    /// When no port is to be had.
    pub async fn to(far: SocketAddr) -> Result<Self, HarnessError> {
        let listener = TcpListener::bind(ports::free_address()?).await;
        let listener = listener.map_err(HarnessError::io("a cable's listener"))?;
        let address = listener.local_addr().map_err(HarnessError::io("a cable's address"))?;
        let (state, seen) = watch::channel(State::Whole);
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        tasks.spawn(stop.clone().run_until_cancelled_owned(accept(
            listener,
            far,
            seen,
            stop.clone(),
        )));
        Ok(Self { address, state, stop })
    }

    /// Where its near end is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes all connections, and new ones as soon as they are made.
    pub fn cut(&self) {
        self.state.send_replace(State::Cut);
    }

    /// Carries nothing any more and tells nobody.
    pub fn fall_silent(&self) {
        self.state.send_replace(State::Silent);
    }

    /// Carries everything again, also what was left hanging.
    pub fn mend(&self) {
        self.state.send_replace(State::Whole);
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn accept(
    listener: TcpListener,
    far: SocketAddr,
    state: watch::Receiver<State>,
    stop: CancellationToken,
) {
    let tasks = TaskTracker::new();
    while let Ok((near, _)) = listener.accept().await {
        let carried = carry(near, far, state.clone());
        tasks.spawn(stop.clone().run_until_cancelled_owned(async move { drop(carried.await) }));
    }
}

/// One connection: closed at both ends when either end closes it, or the cable is cut.
async fn carry(
    mut near: TcpStream,
    far: SocketAddr,
    state: watch::Receiver<State>,
) -> io::Result<()> {
    let cut = async |mut state: watch::Receiver<State>| {
        drop(state.wait_for(|state| *state == State::Cut).await);
    };
    tokio::select! {
        () = cut(state.clone()) => Ok(()),
        carried = connect_and_pump(&mut near, far, &state) => carried,
    }
}

async fn connect_and_pump(
    near: &mut TcpStream,
    far: SocketAddr,
    state: &watch::Receiver<State>,
) -> io::Result<()> {
    whole(state).await;
    let mut far = TcpStream::connect(far).await?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let ((near_in, near_out), (far_in, far_out)) = (near.split(), far.split());
    tokio::select! {
        there = pump(near_in, far_out, state) => there,
        back = pump(far_in, near_out, state) => back,
    }
}

async fn pump(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    state: &watch::Receiver<State>,
) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let bytes = from.read(&mut chunk).await?;
        if bytes == 0 {
            return Ok(());
        }
        whole(state).await;
        to.write_all(&chunk[..bytes]).await?;
    }
}

/// A cable that is gone carries nothing.
async fn whole(state: &watch::Receiver<State>) {
    drop(state.clone().wait_for(|state| *state == State::Whole).await);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_cut_cable_closes_and_a_mended_one_carries() -> anyhow::Result<()> {
        let far = TcpListener::bind("127.0.0.1:0").await?;
        let cable = Cable::to(far.local_addr()?).await?;
        let mut near = TcpStream::connect(cable.address()).await?;
        let (mut end, _) = far.accept().await?;
        near.write_all(b"a").await?;
        assert_eq!(end.read_u8().await?, b'a');

        cable.fall_silent();
        near.write_all(b"b").await?;
        cable.mend();
        assert_eq!(end.read_u8().await?, b'b');

        cable.cut();
        assert_eq!(end.read(&mut [0]).await?, 0);
        assert!(near.read_u8().await.is_err());
        Ok(())
    }
}

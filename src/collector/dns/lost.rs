use std::os::fd::AsRawFd;

use crate::model::Timestamp;

/// Counts the datagrams that the kernel had no room for, where it tells: Linux does, in `/proc/net/udp`.
#[derive(Debug)]
pub(super) struct Lost {
    inode: Option<String>,
    known: u64,
    since: Timestamp,
}

impl Lost {
    pub(super) fn of(socket: &impl AsRawFd) -> Self {
        let link = std::fs::read_link(format!("/proc/self/fd/{}", socket.as_raw_fd()));
        let inode = link.ok().and_then(|target| {
            let text = target.to_str()?;
            Some(text.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())
        });
        Self {
            inode,
            known: 0,
            since: Timestamp::now(),
        }
    }

    /// How many were dropped since the last look, and since when; none if none were.
    pub(super) async fn look(&mut self) -> Option<(u64, Timestamp)> {
        let inode = self.inode.as_deref()?;
        let mut dropped = None;
        for table in ["/proc/net/udp", "/proc/net/udp6"] {
            let text = tokio::fs::read_to_string(table).await.unwrap_or_default();
            dropped = dropped.or_else(|| drops(&text, inode));
        }
        let (since, dropped) = (self.since, dropped?);
        let new = dropped.saturating_sub(self.known);
        (self.known, self.since) = (dropped, Timestamp::now());
        (new > 0).then_some((new, since))
    }
}

/// The last column of a socket's line; its tenth is the inode.
fn drops(table: &str, inode: &str) -> Option<u64> {
    let line = table
        .lines()
        .find(|line| line.split_whitespace().nth(9) == Some(inode))?;
    line.split_whitespace().last()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_table_is_read() {
        let table = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n  312: 0100007F:14E9 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 40312 2 0000000000000000 17\n";
        assert_eq!(drops(table, "40312"), Some(17));
        assert_eq!(drops(table, "1"), None);
    }

    /// A buffer that nobody empties overflows, and that is seen.
    #[tokio::test]
    async fn what_the_kernel_drops_is_counted() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut lost = Lost::of(&socket);
        assert_eq!(lost.look().await, None);
        let sender = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        for _ in 0..2000 {
            sender
                .send_to(&[0; 1000], socket.local_addr().unwrap())
                .unwrap();
        }
        let (count, _) = lost.look().await.expect("two megabytes are too much");
        let mut held = 0;
        socket.set_nonblocking(true).unwrap();
        while socket.recv(&mut [0; 1000]).is_ok() {
            held += 1;
        }
        assert_eq!(count + held, 2000);
        assert_eq!(lost.look().await, None);
    }
}

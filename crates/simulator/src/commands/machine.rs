//! The machine itself, in short: addresses, processes, memory, disks, manuals, pagers. All of it is modelled.

use super::clock::Clock;
use crate::command::Call;
use crate::world::Result;

/// The address of a container that nothing else is known of.
const CONTAINER: &str = "172.17.0.2";
/// Memory of the machine, in KiB.
const TOTAL: u64 = 4_019_340;
const USED: u64 = 921_476;
/// Size of its disk, in KiB.
const DISK: u64 = 20_134_592;

/// The machine's address: what `/etc/hosts` has for its name.
fn address(call: &Call<'_>) -> Result<String> {
    let hosts = call.text_of("/etc/hosts")?;
    let name = call.world.hostname.clone();
    let found = hosts.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let address = words
            .next()
            .filter(|address| address.contains('.') && !address.starts_with("127."))?;
        words.any(|word| word == name).then(|| address.to_owned())
    });
    Ok(found.unwrap_or_else(|| CONTAINER.to_owned()))
}

pub(crate) fn hostname(call: &mut Call<'_>) -> Result<i32> {
    let line = match call.args.first().map(String::as_str) {
        Some("-I" | "--all-ip-addresses" | "-i" | "--ip-address") => address(call)?,
        Some("-s" | "--short") => call.world.hostname.split('.').next().unwrap_or_default().to_owned(),
        _ => call.world.hostname.clone(),
    };
    call.say(line);
    Ok(0)
}

pub(crate) fn ip(call: &mut Call<'_>) -> Result<i32> {
    let address = address(call)?;
    let words: Vec<&str> = call
        .args
        .iter()
        .map(String::as_str)
        .filter(|word| !word.starts_with('-'))
        .collect();
    match words.first() {
        None | Some(&("a" | "ad" | "addr" | "address" | "l" | "link")) => {
            call.say("1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000");
            call.say("    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00");
            call.say("    inet 127.0.0.1/8 scope host lo");
            call.say(
                "2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq_codel state UP group default qlen 1000",
            );
            let parts: Vec<u8> = address.split('.').filter_map(|part| part.parse().ok()).collect();
            let tail: Vec<String> = parts.iter().map(|part| format!("{part:02x}")).collect();
            call.say(format!("    link/ether 02:42:{} brd ff:ff:ff:ff:ff:ff", tail.join(":")));
            call.say(format!("    inet {address}/24 scope global eth0"));
        }
        Some(&("r" | "ro" | "route")) => {
            let net = address.rsplit_once('.').map_or("", |(net, _)| net);
            call.say(format!("default via {net}.1 dev eth0 proto static"));
            call.say(format!("{net}.0/24 dev eth0 proto kernel scope link src {address}"));
        }
        Some(_) => call.warn("layerlab: of ip only address and route are simulated"),
    }
    Ok(0)
}

/// The shell and what shows it: other processes belong to the daemon, which this does not know.
pub(crate) fn ps(call: &mut Call<'_>) -> Result<i32> {
    let is_full = call.args.iter().any(|arg| arg.contains(['e', 'f', 'a', 'x']));
    if is_full {
        let uid = call.world.who.uid;
        let user = call.world.user_name(uid)?;
        let time = Clock::of(call.world.now_secs()).time();
        let short = &time[..5];
        call.say("UID          PID    PPID  C STIME TTY          TIME CMD");
        if call.world.terminal.is_some() && call.world.exists("/usr/bin/dockerd") {
            call.say(format!(
                "root           1       0  0 {short} ?        00:00:01 /sbin/init"
            ));
            call.say(format!(
                "root         812       1  0 {short} ?        00:00:03 /usr/bin/dockerd -H fd://"
            ));
        }
        call.say(format!("{user:<10} 1201    1200  0 {short} pts/0    00:00:00 -bash"));
        call.say(format!(
            "{user:<10} 1288    1201  0 {short} pts/0    00:00:00 ps {}",
            call.args.join(" ")
        ));
    } else {
        call.say("    PID TTY          TIME CMD");
        call.say("   1201 pts/0    00:00:00 bash");
        call.say("   1288 pts/0    00:00:00 ps");
    }
    Ok(0)
}

/// One picture, as `top -b -n 1` gives it: nothing moves here.
pub(crate) fn top(call: &mut Call<'_>) -> Result<i32> {
    let time = Clock::of(call.world.now_secs()).time();
    call.say(format!(
        "top - {time} up 1 day,  3:12,  1 user,  load average: 0.08, 0.05, 0.01"
    ));
    call.say("Tasks: 103 total,   1 running, 102 sleeping,   0 stopped,   0 zombie");
    call.say("%Cpu(s):  0.7 us,  0.3 sy,  0.0 ni, 99.0 id,  0.0 wa,  0.0 hi,  0.0 si,  0.0 st");
    call.say(format!(
        "MiB Mem : {:8.1} total, {:8.1} free, {:8.1} used",
        TOTAL as f64 / 1024.0,
        (TOTAL - USED) as f64 / 1024.0,
        USED as f64 / 1024.0
    ));
    call.warn("layerlab: processes are not simulated: this picture stands still");
    Ok(0)
}

pub(crate) fn free(call: &mut Call<'_>) -> Result<i32> {
    let shown = |kibibytes: u64| match call.args.first().map(String::as_str) {
        Some("-h" | "--human") if kibibytes >= 1 << 20 => format!("{:.1}Gi", kibibytes as f64 / f64::from(1 << 20)),
        Some("-h" | "--human") => format!("{}Mi", kibibytes >> 10),
        Some("-m" | "--mebi") => (kibibytes >> 10).to_string(),
        Some("-g" | "--gibi") => (kibibytes >> 20).to_string(),
        Some("-b" | "--bytes") => (kibibytes << 10).to_string(),
        _ => kibibytes.to_string(),
    };
    let numbers = [TOTAL, USED, TOTAL - USED - 700_000, 1_204, 700_000, TOTAL - USED].map(shown);
    let row = |name: &str, numbers: &[String]| {
        let cells: Vec<String> = numbers.iter().map(|number| format!("{number:>12}")).collect();
        format!("{name:<8}{}", cells.concat())
    };
    let heads = ["total", "used", "free", "shared", "buff/cache", "available"].map(str::to_owned);
    let lines = [
        row("", &heads),
        row("Mem:", &numbers),
        row("Swap:", &[0, 0, 0].map(shown)),
    ];
    for line in lines {
        call.say(line);
    }
    Ok(0)
}

/// Disks: the space taken is what the files of the machine take.
pub(crate) fn df(call: &mut Call<'_>) -> Result<i32> {
    let bytes: u64 = call
        .world
        .tree
        .walk()
        .filter_map(|(_, node)| node.as_file())
        .map(|file| file.content.size())
        .sum();
    let used = (bytes >> 10).min(DISK);
    let is_human = call.args.iter().any(|arg| arg.starts_with('-') && arg.contains('h'));
    let shown = |kibibytes: u64| {
        if !is_human {
            kibibytes.to_string()
        } else if kibibytes >= 1 << 20 {
            format!("{:.1}G", kibibytes as f64 / f64::from(1 << 20))
        } else {
            format!("{}M", kibibytes >> 10)
        }
    };
    let size = if is_human { "Size" } else { "1K-blocks" };
    let free = if is_human { "Avail" } else { "Available" };
    call.say(format!(
        "Filesystem     {size:>9} {:>8} {free:>9} Use% Mounted on",
        "Used"
    ));
    let percent = (used * 100).div_ceil(DISK);
    for (name, total, used, percent, at) in [
        ("/dev/root", DISK, used, percent, "/"),
        ("tmpfs", TOTAL / 2, 0, 0, "/dev/shm"),
    ] {
        call.say(format!(
            "{name:<14} {:>9} {:>8} {:>9} {percent:>3}% {at}",
            shown(total),
            shown(used),
            shown(total - used)
        ));
    }
    Ok(0)
}

pub(crate) fn uptime(call: &mut Call<'_>) -> Result<i32> {
    let time = Clock::of(call.world.now_secs()).time();
    call.say(format!(
        " {time} up 1 day,  3:12,  1 user,  load average: 0.08, 0.05, 0.01"
    ));
    Ok(0)
}

pub(crate) fn man(call: &mut Call<'_>) -> Result<i32> {
    let Some(page) = call.args.iter().find(|arg| !arg.starts_with('-')).cloned() else {
        call.say("What manual page do you want?\nFor example, try 'man man'.");
        return Ok(1);
    };
    call.warn(format!(
        "layerlab: there are no manual pages on this machine: try {page} --help"
    ));
    Ok(16)
}

/// `less` and `more`: everything at once, for the terminal scrolls.
pub(crate) fn pager(call: &mut Call<'_>) -> Result<i32> {
    let files: Vec<String> = call
        .args
        .iter()
        .filter(|arg| !arg.starts_with('+') && (!arg.starts_with('-') || *arg == "-"))
        .cloned()
        .collect();
    let args = call.args;
    if files.len() != args.len() {
        let mut nested = Call {
            world: &mut *call.world,
            args: &files,
            out: String::new(),
            raw: Vec::new(),
            err: String::new(),
            ..*call
        };
        let exit = super::cat::cat(&mut nested)?;
        let (raw, err) = (nested.raw, nested.err);
        call.raw = raw;
        call.err.push_str(&err);
        return Ok(exit);
    }
    super::cat::cat(call)
}

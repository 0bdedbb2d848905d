//! The container's id, from what the kernel says about this process.

/// The id in `/proc/self/cgroup`, where control groups of version 1 have it in their path.
///
/// Docker writes `12:cpu:/docker/<id>`, systemd `…/docker-<id>.scope`, Kubernetes `/kubepods/…/cri-containerd-<id>.scope`.
pub(crate) fn id_from_cgroup(cgroup: &str) -> Option<&str> {
    cgroup.lines().find_map(|line| {
        let path = line.splitn(3, ':').nth(2)?;
        id_at_end(path.rsplit('/').next()?)
    })
}

/// The id in `/proc/self/mountinfo`: with control groups of version 2, the files that the runtime mounts betray it.
///
/// Format: <https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html>; the fourth field is the path within the
/// mounted file system, such as `/var/lib/docker/containers/<id>/hostname`. (Kubernetes' `/sandboxes/<id>/` is the pod's.)
pub(crate) fn id_from_mountinfo(mountinfo: &str) -> Option<&str> {
    mountinfo.lines().find_map(|line| {
        let root = line.split(' ').nth(3)?;
        let mut segments = root.split('/');
        segments.find(|segment| matches!(*segment, "containers" | "overlay-containers"))?;
        segments.find_map(whole_id)
    })
}

/// Container ids are the 64 hexadecimal digits of a SHA-256 sum.
const ID_DIGITS: usize = 64;

fn id_at_end(segment: &str) -> Option<&str> {
    let name = segment.strip_suffix(".scope").unwrap_or(segment);
    whole_id(name.rsplit(['-', ':']).next()?)
}

fn whole_id(text: &str) -> Option<&str> {
    let is_id = text.len() == ID_DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "dc579f8a8319c8cf7d38e1adf263bc08d23ae2e0c25ae4b4e5c6d6b1a7c0a4f1";

    #[test]
    fn version_one_has_the_id_in_the_path() {
        for path in [
            format!("12:cpu,cpuacct:/docker/{ID}"),
            format!("1:name=systemd:/system.slice/docker-{ID}.scope"),
            format!("4:memory:/kubepods/burstable/pod2c48913c-b29f-11e7-9350-020968147796/{ID}"),
            format!("0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-{ID}.scope"),
            format!("0::/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:{ID}"),
        ] {
            assert_eq!(
                id_from_cgroup(&format!("13:pids:/\n{path}\n")),
                Some(ID),
                "{path}"
            );
        }
    }

    #[test]
    fn version_two_has_the_id_in_a_mount() {
        for root in [
            format!("/var/lib/docker/containers/{ID}/hostname"),
            format!("/docker/volumes/x/containers/{ID}/resolv.conf"),
            format!("/containers/storage/overlay-containers/{ID}/userdata/hostname"),
        ] {
            let line =
                format!("602 587 254:1 {root} /etc/hostname rw,relatime - ext4 /dev/vda1 rw");
            assert_eq!(
                id_from_mountinfo(&format!("1 2 0:1 / / rw\n{line}\n")),
                Some(ID),
                "{root}"
            );
        }
    }

    #[test]
    fn outside_of_a_container_there_is_none() {
        assert_eq!(
            id_from_cgroup("0::/user.slice/user-1000.slice/session-2.scope\n"),
            None
        );
        assert_eq!(id_from_cgroup("garbage\n\n:::\n"), None);
        assert_eq!(
            id_from_mountinfo("25 30 0:23 / /sys rw shared:7 - sysfs sysfs rw\n\nshort\n"),
            None
        );
        let pod = format!("1 2 0:1 /var/lib/containerd/sandboxes/{ID}/hostname /etc/hostname rw");
        assert_eq!(id_from_mountinfo(&pod), None);
        let layer = format!("1 2 0:1 /var/lib/docker/overlay2/{ID}/merged / rw");
        assert_eq!(id_from_mountinfo(&layer), None);
    }
}

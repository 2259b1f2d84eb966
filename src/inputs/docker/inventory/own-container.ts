import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'

/** What Docker mounts over three files of each container: `…/containers/ID/hostname /etc/hostname`. On the host itself there are mounts of all containers, elsewhere. */
const OWN_MOUNT = /\/([0-9a-f]{64})\/(?:hostname|hosts|resolv\.conf) \/etc\/(?:hostname|hosts|resolv\.conf) /
const OWN_GROUP = /([0-9a-f]{64})(?:\.scope)?$/
const SHORT_ID = /^[0-9a-f]{12}$/

/**
 * Tells the container that this process runs in, whose log would feed on itself: its id stands among the process's mounts or control groups, or begins with
 * the host name that Docker gives it.
 */
export function ownContainer(read: (file: string) => string = (file) => readFileSync(file, 'utf8'), host = hostname()) {
  const ids = new Set([...idsIn('/proc/self/mountinfo', OWN_MOUNT, read), ...idsIn('/proc/self/cgroup', OWN_GROUP, read)])
  return (id: string, itsHostname: string): boolean => {
    if (ids.has(id)) return true
    return SHORT_ID.test(host) && itsHostname === host && id.startsWith(host)
  }
}

function idsIn(file: string, pattern: RegExp, read: (file: string) => string): string[] {
  try {
    return read(file)
      .split('\n')
      .flatMap((line) => pattern.exec(line)?.[1] ?? [])
  } catch {
    return []
  }
}

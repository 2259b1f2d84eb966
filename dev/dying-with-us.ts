import { spawnSync } from 'node:child_process'

/**
 * The command made to end when this process ends, even by kill -9: the kernel sends it SIGKILL. Its pid is still that of the
 * command. Linux only; elsewhere the command is given back as it is.
 */
export function dyingWithUs(command: readonly [string, ...string[]]): readonly [string, ...string[]] {
  hasSetpriv ??= spawnSync('setpriv', ['--pdeathsig', 'KILL', 'true']).status === 0
  return hasSetpriv ? ['setpriv', '--pdeathsig', 'KILL', ...command] : command
}

let hasSetpriv: boolean | undefined

import { spawnSync } from 'node:child_process'

/** `npm run push`: builds the program and pushes it with manifest.yml. What stands behind `--` goes to `cf push`. */
const hasCf = spawnSync('cf', ['version'], { stdio: 'ignore' }).error === undefined
const run = (command: string, ...args: readonly string[]): boolean => spawnSync(command, args, { stdio: 'inherit' }).status === 0

if (!hasCf) {
  console.error(`There is no cf on the PATH: nothing was built or pushed. Install Cloud Foundry's command line
(https://docs.cloudfoundry.org/cf-cli/install-go-cli.html), log in with cf login, and choose with cf target where to push to.`)
}
const pushed = hasCf && run('npm', 'run', '--silent', 'build') && run('cf', 'push', ...process.argv.slice(2))
process.exitCode = pushed ? 0 : 1

import { spawn } from 'node:child_process'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { cached } from '../cache.ts'
import { withGo } from '../go-compiler.ts'

/** The last that Debian 12's compiler takes. */
const API = '0.26.15'

/** What Kubernetes' own types say of a DaemonSet in YAML: '' where each field is one of theirs, and of its type. */
export async function daemonSetMistakes(yaml: string): Promise<string> {
  const installed = await cached(`kubernetes-types-${API}`, build)
  const child = spawn(join(installed, 'daemon-set'), { stdio: ['pipe', 'inherit', 'pipe'] })
  child.stdin.end(yaml)
  return (await text(child.stderr)).trim()
}

async function build(folder: string): Promise<void> {
  await withGo(folder, async ({ go }) => {
    const source = join(folder, 'go/source')
    await mkdir(source)
    await copyFile(fileURLToPath(new URL('main.go', import.meta.url)), join(source, 'main.go'))
    await writeFile(
      join(source, 'go.mod'),
      `module daemonset\n\ngo 1.19\n\nrequire (\n\tk8s.io/api v${API}\n\tsigs.k8s.io/yaml v1.3.0\n)\n`,
    )
    await go(['mod', 'tidy'], source)
    await go(['build', '-o', join(folder, 'daemon-set'), '.'], source)
  })
}

import { existsSync, readdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { waitUntil } from '../wait-until.ts'

const ROOT = '/sys/fs/cgroup'

/** Removes what a killed engine leaves of the control group `name`, in each hierarchy. Its processes may need a moment to be gone. */
export async function removeControlGroups(name: string): Promise<void> {
  const hierarchies = ['', ...readdirSync(ROOT)].map((hierarchy) => join(ROOT, hierarchy, name))
  for (const folder of hierarchies) await waitUntil(`${folder} is gone`, () => remove(folder), { timeoutMs: 5000 }).catch(() => {})
}

function remove(folder: string): boolean {
  if (!existsSync(folder)) return true
  try {
    for (const entry of readdirSync(folder, { withFileTypes: true })) if (entry.isDirectory()) remove(join(folder, entry.name))
    rmdirSync(folder)
    return true
  } catch {
    return false
  }
}

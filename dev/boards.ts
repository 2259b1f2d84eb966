import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { applications } from './boards/applications.ts'
import { boardJson } from './boards/board.ts'
import { worker } from './boards/worker.ts'

/** `npm run boards`: makes the files that Grafana imports from dev/boards. */
for (const [name, board] of Object.entries({ applications, worker })) {
  const file = fileURLToPath(new URL(`../deploy/grafana/${name}.json`, import.meta.url))
  writeFileSync(file, `${JSON.stringify(boardJson(board), undefined, 2)}\n`)
}

import { findingsOf } from '../../check/finding.ts'
import { DocumentLineEncoder } from '../document-line-encoder.ts'
import type { OutputEnd } from '../end.ts'
import { LineEncoder } from '../influxdb/line-encoder.ts'
import { StdoutOutput } from './stdout.ts'
import { variables } from './variables.ts'

const { ok } = findingsOf('stdout')

/** The process's own output, for whoever reads it there: a pipe, a file, the platform's log. */
export const stdout: OutputEnd<typeof variables> = {
  name: 'stdout',
  title: 'Output: stdout',
  variables,
  *mistakes() {},
  configure({ CFMR_STDOUT_FORMAT: format }, { batcher, documentMaxBytes }) {
    return {
      name: 'stdout',
      settings: { format },
      build: () => ({
        output: new StdoutOutput(),
        encoder: format === 'json' ? new DocumentLineEncoder({ maxBytes: documentMaxBytes }) : new LineEncoder({ uniqueTimestamps: false }),
        limits: { ...batcher, maxWrites: 2 },
        ack: 'handed over',
        ...(format === 'json' && { spelling: () => ({ documents: true }) }),
      }),
      async *check() {
        yield ok('output', format === 'json' ? 'documents go to stdout' : 'points go to stdout')
      },
    }
  },
}

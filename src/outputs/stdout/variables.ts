import { oneOf } from '../../config/kinds.ts'

export const variables = {
  CFMR_STDOUT_FORMAT: oneOf(
    'line',
    'json',
  )({ desc: 'What goes to stdout: line protocol, or JSON documents, one a line. The log goes to stderr.', default: 'line' }),
}

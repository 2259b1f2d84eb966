import { expect, test } from 'vitest'
import { isInvalidRequest, judgeItem, readBulkAnswer } from '../../../../src/outputs/elasticsearch/bulk-answer.ts'

const error = (type: string, reason = '') => ({ type, reason })

test.each([
  [{ status: 201 }, 'stored'],
  [{ status: 200 }, 'stored'],
  [{ status: 409, error: error('version_conflict_engine_exception') }, 'repeated'],
  [{ status: 400, error: error('mapper_parsing_exception', 'failed to parse field [n]') }, 'refused'],
  [{ status: 400, error: error('document_parsing_exception') }, 'refused'],
  [{ status: 400, error: error('strict_dynamic_mapping_exception') }, 'refused'],
  [{ status: 400, error: error('illegal_argument_exception', 'Document contains at least one immense term in field="x"') }, 'refused'],
  [{ status: 400, error: error('illegal_argument_exception', 'Limit of total fields [1000] has been exceeded') }, 'blocked'],
  [
    { status: 400, error: error('illegal_argument_exception', 'only write ops with an op_type of create are allowed in data streams') },
    'blocked',
  ],
  [{ status: 400, error: error('index_closed_exception', 'closed') }, 'blocked'],
  [{ status: 404, error: error('index_not_found_exception', 'no such index [x]') }, 'blocked'],
  [{ status: 400, error: error('invalid_index_name_exception', 'must not start with _') }, 'blocked'],
  [{ status: 403, error: error('security_exception') }, 'blocked'],
  [{ status: 429, error: error('cluster_block_exception', 'disk usage exceeded flood-stage watermark') }, 'blocked'],
  [{ status: 429, error: error('es_rejected_execution_exception', 'rejected execution of coordinating operation') }, 'passing'],
  [{ status: 429, error: error('circuit_breaking_exception', 'Data too large') }, 'passing'],
  [{ status: 503, error: error('unavailable_shards_exception', 'primary shard is not active') }, 'passing'],
  [{ status: 503, error: error('process_cluster_event_timeout_exception') }, 'passing'],
  [{ status: 500, error: error('something_new_exception') }, 'passing'],
  [{ status: 400, error: error('something_new_exception') }, 'refused'],
] as const)('%j is %s', (item, fate) => {
  expect(judgeItem(item)).toBe(fate)
})

test.each([
  ['HTML', '<html>login</html>'],
  ['other JSON', '{"ok":true}'],
  ['cut', '{"took":1,"errors":false,"items":[{"create":{"status":201}}'],
  ['of another request', '{"items":[{"create":{"status":201}}]}'],
])('an answer that is %s says nothing of documents', (_, text) => {
  expect(readBulkAnswer(text, 2)).toBeUndefined()
})

test.each([
  [400, '{"error":{"type":"action_request_validation_exception"},"status":400}', true],
  [400, '<html>Bad Request</html>', false],
  [400, '{"error":"bad request"}', false],
  [500, '{"error":{"type":"x"}}', false],
])('HTTP %i with %s: that the server calls the request invalid is %s', (status, text, is) => {
  expect(isInvalidRequest({ status, text })).toBe(is)
})

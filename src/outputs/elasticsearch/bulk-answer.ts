import type { UnstoredRecord } from '../../flow/contracts.ts'
import type { HttpAnswer } from '../../lib/http-server.ts'

/** What became of the documents of one request. */
export interface BulkAnswer {
  /** In the order of the documents: refused, or to be sent again later. */
  readonly unstored: readonly UnstoredRecord[]
  /** Documents that were there already, under the same id. */
  readonly repeated: number
  /** Why some are sent again though nobody need do anything: a full queue, a shard that moves. */
  readonly passing: string | undefined
  /** By index: why its documents wait until somebody acts. */
  readonly blocked: ReadonlyMap<string, string>
}

interface Item {
  readonly _index?: string
  readonly status?: number
  readonly error?: {
    readonly type?: string
    readonly reason?: string
    readonly index?: string
    readonly caused_by?: { readonly reason?: string }
  }
}

/** Whatever its status, such an error is about the index, the disk or the rights: somebody has to act. */
const BLOCKS = new Set([
  'cluster_block_exception',
  'index_closed_exception',
  'index_not_found_exception',
  'invalid_index_name_exception',
  'security_exception',
  'authorization_exception',
])
const BLOCKING_REASONS =
  /limit of (mapping depth|total fields|nested fields|nested documents)|op_type of create are allowed in data streams|no write index|alias .* has more than one|validation failed: .*(shards|limit)/i
const PASSING = new Set([
  'es_rejected_execution_exception',
  'rejected_execution_exception',
  'open_search_rejected_execution_exception',
  'circuit_breaking_exception',
  'unavailable_shards_exception',
  'process_cluster_event_timeout_exception',
  'no_shard_available_action_exception',
])

type Fate = 'stored' | 'repeated' | 'refused' | 'passing' | 'blocked'

/** An item by its error before its status: a full disk is a 429, a closed index a 400. */
export function judgeItem({ status = 0, error }: Item): Fate {
  if (error === undefined) return status >= 200 && status < 300 ? 'stored' : 'passing'
  const { type = '', reason = '' } = error
  if (type === 'version_conflict_engine_exception') return 'repeated'
  if (BLOCKS.has(type) || BLOCKING_REASONS.test(reason)) return 'blocked'
  if (PASSING.has(type) || status === 429 || status >= 500) return 'passing'
  if (status === 401 || status === 403 || status === 404) return 'blocked'
  return 'refused'
}

/**
 * Reads the answer to a `_bulk` request of `count` documents. Undefined where it is none: another server's, or cut.
 * Source: Elasticsearch's reference of the bulk API; OpenSearch answers alike.
 */
export function readBulkAnswer(text: string, count: number): BulkAnswer | undefined {
  const items = itemsOf(text)
  if (items?.length !== count) return undefined
  const unstored: UnstoredRecord[] = []
  const blocked = new Map<string, string>()
  let repeated = 0
  let passing: string | undefined
  for (const [record, item] of items.entries()) {
    const fate = judgeItem(item)
    if (fate === 'stored') continue
    if (fate === 'repeated') {
      repeated++
      continue
    }
    const reason = reasonOf(item)
    unstored.push({ record, reason, ...(fate !== 'refused' && { isHeld: true }) })
    if (fate === 'passing') passing ??= reason
    if (fate === 'blocked') blocked.set(item._index ?? '', reason)
  }
  return { unstored, repeated, passing, blocked }
}

/** The server itself calls the request invalid, and has looked at none of its documents. What only stands before it says so otherwise. */
export function isInvalidRequest({ status, text }: Pick<HttpAnswer, 'status' | 'text'>): boolean {
  if (status !== 400) return false
  try {
    const { error } = JSON.parse(text) as { error?: { type?: unknown } }
    return typeof error?.type === 'string'
  } catch {
    return false
  }
}

function itemsOf(text: string): Item[] | undefined {
  try {
    const { items } = JSON.parse(text) as { items?: Record<string, Item>[] }
    return Array.isArray(items) ? items.map((item) => Object.values(item)[0] ?? {}) : undefined
  } catch {
    return undefined
  }
}

const LONGEST_REASON = 500

function reasonOf({ status, error }: Item): string {
  const { type, reason = '', caused_by } = error ?? {}
  const text = [type, reason, caused_by?.reason].filter((part) => part !== undefined && part !== '').join(': ')
  return `HTTP ${status}: ${text.slice(0, LONGEST_REASON)}`
}

import type { ListedRow, Listing } from '../flow/shown.ts'
import { redactAll } from './redact-all.ts'
import { json, type Reply, text } from './reply.ts'

/** What `GET /stats/NAME` of a listing answers. */
export interface ListingAnswer {
  readonly instance_index: number
  /** Of all rows, and of those that fit the filter. */
  readonly total: number
  readonly matching: number
  readonly rows: readonly ListedRow[]
}

export interface ListingOptions {
  readonly listing: Listing
  readonly instanceIndex: number
  readonly redact: (text: string) => string
}

/**
 * Answers for a listing. `filter` of the query: words that must all be somewhere in a row's texts, in any case; `limit`: so many rows at most, all
 * without it.
 */
export function listingReply({ listing, instanceIndex, redact }: ListingOptions, query: URLSearchParams): Reply {
  const given = query.get('limit')
  if (given !== null && !/^\d{1,6}$/.test(given)) return text(400, 'limit: expected a whole number, 0 to 999999')
  const words = (query.get('filter') ?? '').toLowerCase().split(/\s+/)
  const all = listing.rows()
  const matching = all.filter((row) => words.every((word) => isIn(row, word)))
  const rows = matching.slice(0, given === null ? undefined : Number(given)).map((row) => redactAll(row, redact) as ListedRow)
  return json(200, { instance_index: instanceIndex, total: all.length, matching: matching.length, rows } satisfies ListingAnswer)
}

function isIn(row: ListedRow, word: string): boolean {
  return Object.values(row).some((value) => typeof value === 'string' && value.toLowerCase().includes(word))
}

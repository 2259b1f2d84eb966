import type { Listing } from '../../../flow/shown.ts'
import type { Gaps } from '../gaps.ts'

/** What cannot be had any more: the latest of each container and cause, the newest first. */
export function gapsListing(gaps: Gaps): Listing {
  return {
    name: 'gaps',
    title: 'What cannot be had any more',
    note: 'The latest of each container and cause.',
    columns: [
      { title: 'Container', key: 'container' },
      { title: 'cause', key: 'cause', as: 'word', note: 'why' },
      { title: 'error', key: 'error', as: 'text', isWide: true },
      { title: 'noticed', key: 'time', as: 'ago' },
    ],
    empty: 'Nothing is missing that this worker knows of.',
    rows: () =>
      gaps.latest.map(({ of, cause, why, error, atMs }) => ({
        container: of,
        cause,
        why,
        error: error ?? null,
        time: new Date(atMs).toISOString(),
      })),
  }
}

import { LRUCache } from 'lru-cache'
import { App } from './app.ts'
import type { AppSpelling } from './app-texts.ts'
import { ownerIn } from './decode/v2/owner.ts'

const MAX_APPS = 20_000

interface Told {
  readonly app: App
  readonly names: string
}

/**
 * Apps as the tags of V2 envelopes name them, for where Cloud Controller does not: the platform takes the names from the app's last start, so they may be old.
 */
export class TaggedApps {
  readonly #spelling: () => AppSpelling
  readonly #apps = new LRUCache<string, Told>({ max: MAX_APPS })

  constructor(spelling: () => AppSpelling) {
    this.#spelling = spelling
  }

  /** The app of a message in JSON, where its tags name it. */
  of(guid: string, message: Uint8Array): App | undefined {
    const owner = ownerIn(message, guid)
    if (owner === undefined) return undefined
    const names = JSON.stringify(owner)
    const known = this.#apps.get(guid)
    if (known?.names === names) return known.app
    const app = App.told(owner, this.#spelling())
    this.#apps.set(guid, { app, names })
    return app
  }
}

import type { Unreadable } from '../../flow/contracts.ts'

export interface UnreadablePortion extends Unreadable {
  /** Its bytes are not what was sent, or it is where it cannot be: asked for again, it may be sound. */
  readonly isDamaged: boolean
}

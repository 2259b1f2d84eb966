import { type Described, type OwnerSource, ownerName } from './owner-source.ts'

/** Whose a container is, as far as its sources say; what they do not say is absent. */
export interface OwnerNames {
  readonly app?: string
  readonly appGuid?: string
  readonly space?: string
  readonly spaceGuid?: string
  readonly org?: string
  readonly orgGuid?: string
  readonly instance?: string
}

export type OwnerSources = Readonly<Record<keyof OwnerNames, readonly OwnerSource[]>>

/** The names that `sources` give of a container, and of an alias that it was given, which wins for the app. */
export function ownerNames(container: Described, sources: OwnerSources, alias: string | undefined): OwnerNames {
  const names = Object.entries(sources).map(([key, list]) => [key, ownerName(container, list)] as const)
  return Object.fromEntries([...names.filter(([, name]) => name !== undefined), ...(alias === undefined ? [] : [['app', alias]])])
}

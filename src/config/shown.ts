const LONGEST_SHOWN = 120

/** A value that is a mistake, as far as it may be seen: not what may hold a login or a key. */
export function shown(value: string): string {
  if (value.includes('-----BEGIN')) return 'PEM text'
  if (/AGE-SECRET-KEY/i.test(value)) return 'a value with a secret key (not shown)'
  if (value.includes('@')) return 'a value with "@" (not shown: it may hold a password)'
  const place = value.includes('://') ? value.replace(/[?#].*/s, (rest) => `${rest[0]}…`) : value
  return JSON.stringify(place.length > LONGEST_SHOWN ? `${place.slice(0, LONGEST_SHOWN)}…` : place)
}

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

export const CHALLENGE = 'Basic realm="cf-metrics-refinery", charset="UTF-8"'

/**
 * Checks `Authorization` headers (RFC 7617) against one login. Takes the same time for every wrong one, whatever its length:
 * keyed digests are compared, of user and password each time.
 */
export function basicAuth(username: string, password: string): (header: string | undefined) => boolean {
  const key = randomBytes(32)
  const digest = (text: string) => createHmac('sha256', key).update(text).digest()
  const [user, pass] = [digest(username), digest(password)]
  return (header = '') => {
    const encoded = /^basic +([\w+/=-]+) *$/i.exec(header)?.[1] ?? ''
    const login = Buffer.from(encoded, 'base64').toString('utf8')
    const colon = login.indexOf(':')
    const isUser = timingSafeEqual(digest(login.slice(0, Math.max(colon, 0))), user)
    const isPassword = timingSafeEqual(digest(login.slice(colon + 1)), pass)
    return isUser && isPassword && colon >= 0
  }
}

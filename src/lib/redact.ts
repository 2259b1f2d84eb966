const SHORTEST_SECRET = 6

/**
 * Takes secrets out of a text before people see it: user and password in a URL, tokens (JWT), and every one of `secrets`,
 * plain, JSON-escaped or URL-encoded. Servers and libraries put into their messages what they were sent, so this is done where
 * text leaves the program. Secrets of fewer than 6 characters are left alone: they would be found inside ordinary words.
 */
export function redactor(secrets: readonly string[] = []): (text: string) => string {
  const spellings = new Set<string>()
  for (const secret of secrets) {
    if (secret.length < SHORTEST_SECRET) continue
    for (const spelling of [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)]) spellings.add(spelling)
  }
  // The longest first: where one secret holds another, nothing of it may remain.
  const ordered = [...spellings].sort((a, b) => b.length - a.length)
  return (text) => {
    let clean = text.replace(/\/\/[^\s/"']*@/g, '//***@').replace(/\beyJ[\w-]{10,}\.[\w-]+\.[\w-]*/g, '***')
    for (const secret of ordered) clean = clean.replaceAll(secret, '***')
    return clean
  }
}

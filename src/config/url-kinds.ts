import { accessSync, constants } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expected, kind } from './kinds.ts'

/** The base URL of a server, without a slash at its end. `login` names the variables for what must not be in it. */
export function baseUrl(example: string, login: string) {
  return kind('URL', (value) => parseBaseUrl(value.trim(), example, login))
}

/** Several of them, with commas between, each with the same path rules. */
export function baseUrls(example: string, login: string) {
  return kind('list of URLs', (value) => value.split(',').map((address) => parseBaseUrl(address.trim(), example, login)))
}

/** The API's URL, or the path of a file that stands in for it. */
export type ApiAddress = { readonly url: string } | { readonly file: string }

export const apiUrl = kind('URL or file:PATH', (value): ApiAddress => {
  const address = value.trim()
  if (/^file:/i.test(address)) return { file: filePath(address) }
  const url = parseBaseUrl(address, 'https://api.example.com', 'CFMR_CF_USER and CFMR_CF_PASSWORD')
  if (/\/v[23]$/.test(url)) throw expected('the URL without /v2 or /v3 (CFMR_CF_APIVERSION says which)')
  return { url }
})

function filePath(address: string): string {
  let path = ''
  try {
    path = address.startsWith('file://') ? fileURLToPath(address) : address.slice('file:'.length)
  } catch {
    // The URL names a host, or has escapes that are none.
  }
  if (path === '') throw expected('a path behind file:, such as file:apps.json or file:/etc/apps.json')
  try {
    accessSync(path, constants.R_OK)
  } catch (error) {
    throw expected(`a file that can be read (${(error as NodeJS.ErrnoException).code})`)
  }
  return path
}

function parseBaseUrl(address: string, example: string, login: string): string {
  if (address.includes('@')) throw expected(`a URL without credentials; they go into ${login}`)
  if (!/^https?:\/\//i.test(address)) throw expected(`a URL that begins with http:// or https://, such as ${example}`)
  if (!URL.canParse(address)) throw expected(`a URL such as ${example}`)
  const { search, hash, href } = new URL(address)
  if (search !== '' || hash !== '' || /[?#]$/.test(address)) throw expected(`a URL without anything behind ? or #, such as ${example}`)
  return href.replace(/\/+$/, '')
}

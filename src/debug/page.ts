import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { InputStats } from '../flow/contracts.ts'
import { escapeHtml } from './escape-html.ts'
import { listingLinks, listingsHtml, sectionsHtml } from './input-sections.ts'
import type { Reply } from './reply.ts'

/** Made from page/ by dev/build-page.mjs. */
const built = new URL('./generated/page.html', import.meta.url)

const PROFILING = '<li><a href="debug/cpuprofile?seconds=10">debug/cpuprofile</a> a CPU profile of ten seconds, for Chrome DevTools</li>'

export interface PageOptions {
  readonly version: string
  readonly isProfiling: boolean
  /** Each brings what is to be seen of it. */
  readonly inputs: readonly InputStats[]
}

/**
 * What `GET /` shows: one file that carries its style and its script. The browser is told to run nothing else, and to ask
 * nobody but this server: whatever the name of a topic or an error's text may hold, there is nothing it could start.
 */
export function page({ version, isProfiling, inputs }: PageOptions): Reply {
  const body = readFileSync(built, 'utf8')
    .replace('{{version}}', () => escapeHtml(version))
    .replace('<!--sections-->', () => sectionsHtml(inputs))
    .replace('<!--listings-->', () => listingsHtml(inputs))
    .replace('<!--links-->', () => listingLinks(inputs))
    .replace('{{partitioned}}', () => String(inputs.some(({ partitioned }) => partitioned !== undefined)))
    .replace('<!--profiling-->', () => (isProfiling ? PROFILING : ''))
  const policy = [
    "default-src 'none'",
    `script-src ${hashOf(body, 'script')}`,
    `style-src ${hashOf(body, 'style')}`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ]
  return { status: 200, type: 'text/html; charset=utf-8', body, headers: { 'content-security-policy': policy.join('; ') } }
}

function hashOf(html: string, element: 'script' | 'style'): string {
  const text = html.slice(html.indexOf(`<${element}>`) + element.length + 2, html.lastIndexOf(`</${element}>`))
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`
}

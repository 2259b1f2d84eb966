import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Reply } from './reply.ts'

/** Made from page/ by dev/build-page.mjs. */
const built = new URL('./generated/page.html', import.meta.url)

const PROFILING = '<li><a href="debug/cpuprofile?seconds=10">debug/cpuprofile</a> a CPU profile of ten seconds, for Chrome DevTools</li>'

/**
 * What `GET /` shows: one file that carries its style and its script. The browser is told to run nothing else, and to ask
 * nobody but this server: whatever the name of a topic or an error's text may hold, there is nothing it could start.
 */
export function page(version: string, isProfiling: boolean): Reply {
  const body = readFileSync(built, 'utf8')
    .replace('{{version}}', () => escapeHtml(version))
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

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
}

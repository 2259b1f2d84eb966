import { type Findings, findingsOf } from '../../check/finding.ts'
import { errorText } from '../../lib/error-text.ts'
import { Cluster } from './cluster.ts'
import { missingTemplate, shortly } from './index-templates.ts'
import type { ElasticsearchSettings } from './variables.ts'

const { ok, warning, failed } = findingsOf('elasticsearch')

/** Each node, and whether there will be a template. Nothing is written: whether a write would be allowed shows with the first. */
export async function* checkElasticsearch(settings: ElasticsearchSettings, signal: AbortSignal): Findings {
  let answering: Cluster | undefined
  for (const url of settings.urls) {
    const cluster = new Cluster({ ...settings, urls: [url] }, 1)
    try {
      const answer = await cluster.ask({ method: 'GET', path: '/' }, signal)
      if (answer.status === 200) {
        const version = versionOf(answer.text)
        yield ok('node', `${url} answers: ${version}`, { version })
        answering ??= cluster
      } else if (answer.status === 401 || answer.status === 403) {
        yield failed(
          'login',
          `${url} refuses the login: ${shortly(answer)}. Look at CFMR_ELASTICSEARCH_USERNAME and CFMR_ELASTICSEARCH_PASSWORD, or CFMR_ELASTICSEARCH_APIKEY`,
        )
      } else yield failed('node', `${url} does not answer as Elasticsearch does: ${shortly(answer)}. Look at CFMR_ELASTICSEARCH_URL`)
    } catch (error) {
      yield failed('node', `${url} does not answer: ${errorText(error)}. Look at CFMR_ELASTICSEARCH_URL`)
    } finally {
      if (cluster !== answering) await cluster.close()
    }
  }
  if (answering === undefined) return
  try {
    yield* checkTemplate(answering, settings, signal)
  } catch (error) {
    yield failed('template', `the index templates cannot be asked for: ${errorText(error)}`)
  } finally {
    await answering.close()
  }
}

async function* checkTemplate(cluster: Cluster, settings: ElasticsearchSettings, signal: AbortSignal): Findings {
  if (settings.template === 'none') {
    yield ok('template', 'not looked for: CFMR_ELASTICSEARCH_TEMPLATE is none')
    return
  }
  const missing = await missingTemplate(cluster, settings, signal)
  if (missing === undefined) yield ok('template', `an index template fits ${settings.index}`)
  else if (settings.template === 'check') yield failed('template', missing)
  else yield warning('template', `no index template fits ${settings.index} yet: the start puts one in place`)
}

function versionOf(text: string): string {
  try {
    const { version } = JSON.parse(text) as { version?: { distribution?: string; number?: string } }
    return `${version?.distribution ?? 'elasticsearch'} ${version?.number ?? 'of an unknown version'}`
  } catch {
    return 'of an unknown version'
  }
}

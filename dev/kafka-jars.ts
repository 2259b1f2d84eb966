import { mavenJars } from './maven.ts'

/** The folder with the jars of that Kafka: about 10 s when it is asked for first, 43 MB. */
export const kafkaJars = (version: string): Promise<string> =>
  mavenJars(`kafka-${version}`, [`org.apache.kafka:kafka_2.13:${version}`, 'org.slf4j:slf4j-simple:1.7.36'])

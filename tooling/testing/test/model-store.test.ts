import { ModelStore, storeSuite } from '@tsink/testing'
import { describe, it } from 'vitest'

storeSuite('the model', async () => new ModelStore(), { describe, it })

import { defineConfig } from 'vite'

// The page is served by the tsink server under any path, hence relative addresses. In development it asks a server on the usual port.
export default defineConfig({
  base: './',
  build: { target: 'es2022', chunkSizeWarningLimit: 900 },
  server: { proxy: { '/api': 'http://127.0.0.1:9201' } },
})

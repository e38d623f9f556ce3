{
 "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
 "verificationMaterial": {
  "publicKey": {
   "hint": "e926cb97c2fda87275970ef7ec1cdb2ca0a4f607fbd070c70de8ef935f1431bd"
  },
  "tlogEntries": []
 },
 "dsseEnvelope": {
  "payload": "ewogIl90eXBlIjogImh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEiLAogInN1YmplY3QiOiBbCiAgewogICAibmFtZSI6ICJtb2RlbC50YWxseSIsCiAgICJkaWdlc3QiOiB7CiAgICAic2hhMjU2IjogIjcxMDRjODJiODhlYmU3M2ZhMDJlN2MzMzIwOTJkZDYwNTc2OGQxMmRiNGZjY2Q5NWYwMjQwMWI4NDlmNWY5OTAiCiAgIH0KICB9CiBdLAogInByZWRpY2F0ZVR5cGUiOiAiaHR0cHM6Ly9tb2RlbF9zaWduaW5nL3NpZ25hdHVyZS92MS4wIiwKICJwcmVkaWNhdGUiOiB7CiAgInJlc291cmNlcyI6IFsKICAgewogICAgImFsZ29yaXRobSI6ICJzaGEyNTYiLAogICAgIm5hbWUiOiAiLiIsCiAgICAiZGlnZXN0IjogImEzOGFlMzRiYzIwZDkwNGFiOGIwM2E2YWQxNWRiNzU5N2EyNGMwYTJhNDM0ZGQ0ODhjNGIwOWYyYTg0MjE4MjQiCiAgIH0KICBdLAogICJzZXJpYWxpemF0aW9uIjogewogICAibWV0aG9kIjogImZpbGVzIiwKICAgImhhc2hfdHlwZSI6ICJzaGEyNTYiLAogICAiYWxsb3dfc3ltbGlua3MiOiBmYWxzZSwKICAgImlnbm9yZV9wYXRocyI6IFtdCiAgfSwKICAidGFsbHlzdGljayI6IHsKICAgInByb2dyYW1faGFzaCI6ICIweDdjZWFkNTU5MzIyNjdmYjU2YjY4NDhhYzY2ZDIzNGVmODExMGRkNWRmMTE0Y2JlNDAzOWZmOWU5OWU4ZDk4ZWYiLAogICAiZmVhdHVyZV9zcGVjX2hhc2giOiAiMHgwMDAxMDIwMzA0MDUwNjA3MDgwOTBhMGIwYzBkMGUwZjEwMTExMjEzMTQxNTE2MTcxODE5MWExYjFjMWQxZTFmIgogIH0KIH0KfQ==",
  "payloadType": "application/vnd.in-toto+json",
  "signatures": [
   {
    "sig": "MEUCIGgxN30kF/INaJD/jjFvdhLYXz/uyxWPtyl0HSJxr8wCAiEAr7maGe06pBaE43YqMPHmWe4fx1zGAUE5jnAH+9u5C6I=",
    "keyid": ""
   }
  ]
 }
}

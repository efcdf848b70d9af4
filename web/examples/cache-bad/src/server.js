const express = require("express");

const app = express();
app.get("/", (request, response) => response.send("Hello from a container\n"));
app.listen(3000);

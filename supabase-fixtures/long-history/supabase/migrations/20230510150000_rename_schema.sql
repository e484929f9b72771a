alter schema app rename to internal;
